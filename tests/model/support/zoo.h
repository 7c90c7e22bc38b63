#pragma once

#include <cstdint>
#include <vector>

#include "model/image/image.h"
#include "model/quantize/compile.h"
#include "tests/support/temporary_folder.h"

namespace blindsight::model::test {

/// model/zoo/mnist-8.onnx, and it compiled on the calibration digits with the default options.
FloatNetwork mnist();
const Compiled& compiled_mnist();
/// The plan of it, with a label for each digit.
Plan labelled_plan();
/// The hundred digits and what they show.
std::vector<Image> digits();
std::vector<std::size_t> digit_labels();

std::vector<std::uint8_t> file_bytes(const std::filesystem::path& file);

using tests::TemporaryFolder;

}  // namespace blindsight::model::test
