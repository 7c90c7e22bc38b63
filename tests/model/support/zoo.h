#pragma once

#include <cstdint>
#include <vector>

#include "model/image/image.h"
#include "model/quantize/compile.h"

namespace blindsight::model::test {

/// model/zoo/mnist-8.onnx, and it compiled on the calibration digits with the default options.
FloatNetwork mnist();
const Compiled& compiled_mnist();
/// The hundred digits and what they show.
std::vector<Image> digits();
std::vector<std::size_t> digit_labels();

std::vector<std::uint8_t> file_bytes(const std::filesystem::path& file);

/// A folder of its own that goes with the test.
struct TemporaryFolder {
  TemporaryFolder();
  ~TemporaryFolder();
  std::filesystem::path path;
};

}  // namespace blindsight::model::test
