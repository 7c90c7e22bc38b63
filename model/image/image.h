#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/core/result.h"
#include "tensor/shape.h"

namespace blindsight::model {

/// How pixels become the numbers that the network was trained on: x = (pixel · scale − mean[c]) / deviation[c], pixel
/// in 0..255.
struct Preprocessing {
  tensor::Shape size;  ///< what the network reads; images of another size are resized (bilinear, antialiased)
  float scale = 1;
  std::vector<float> mean;       ///< per channel
  std::vector<float> deviation;  ///< per channel, not zero

  /// "imagenet": 0..1, then ImageNet's mean and deviation (three channels). "raw": pixels as they are, 0..255. Nothing
  /// for another name or when the channels do not fit.
  static std::optional<Preprocessing> preset(std::string_view name, const tensor::Shape& size);
  bool operator==(const Preprocessing&) const = default;
};

/// One image as the network reads it, in the clear: it never leaves the data owner.
struct Image {
  std::string name;           ///< file name, with "#index" when the file holds several
  std::vector<float> values;  ///< row, column, channel; preprocessed
  std::size_t file_height = 0, file_width = 0;
  bool resized = false;
};

/// Reads one file: JPEG or PNG (8 bits), `.npy` (float32, already preprocessed: (1,H,W,C), (1,C,H,W), (H,W,C), (C,H,W)
/// or (H,W), exactly the network's size), or an IDX file of images (`idx3-ubyte`, several). The error names the file
/// and what is wrong with it.
protocol::Result<std::vector<Image>> load_images(const std::filesystem::path& file, const Preprocessing& preprocessing);

/// The files below `path` that load_images reads, by their names' endings, sorted; `path` itself when it is a file.
protocol::Result<std::vector<std::filesystem::path>> find_images(const std::filesystem::path& path);

}  // namespace blindsight::model
