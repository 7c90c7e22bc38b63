#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/core/result.h"
#include "tensor/shape.h"

namespace blindsight::model {

/// What is done about a picture that says by EXIF that it is turned or mirrored.
enum class Orientation { ignore, exif };

/// How pixels become the numbers that the network was trained on: x = (pixel · scale − mean[c]) / deviation[c], pixel
/// in 0..255.
struct Preprocessing {
  tensor::Shape size;  ///< what the network reads; images of another size are resized (bilinear, antialiased)
  float scale = 1;
  std::vector<float> mean;       ///< per channel
  std::vector<float> deviation;  ///< per channel, not zero
  Orientation orientation = Orientation::ignore;

  /// "imagenet": 0..1, then ImageNet's mean and deviation (three channels). "raw": pixels as they are, 0..255. Nothing
  /// for another name or when the channels do not fit.
  static std::optional<Preprocessing> preset(std::string_view name, const tensor::Shape& size);
  bool operator==(const Preprocessing&) const = default;
};

/// What a person is told about a picture that was read all the same.
enum class Note { resized, transparency_dropped, cut_to_8_bits, low_bits_only, orientation_ignored };

/// One image as the network reads it, in the clear: it never leaves the data owner.
struct Image {
  std::string name;           ///< the file's path as it was given, with "#index" when the file holds several
  std::vector<float> values;  ///< row, column, channel; preprocessed
  std::size_t file_height = 0, file_width = 0;
  std::vector<Note> notes;  ///< each at most once

  bool has(Note note) const;
};

/// Which axis of an array is the channel's; said by the caller where an array's shape leaves it open.
enum class ArrayLayout { by_shape, chw, hwc };

/// Reads one file, told by its first bytes: JPEG, PNG, a NumPy array (already preprocessed, exactly the network's size;
/// see fit_array), or an IDX file of images (several). The error names the file, what is wrong with it and what to do.
protocol::Result<std::vector<Image>> load_images(const std::filesystem::path& file, const Preprocessing& preprocessing,
                                                 ArrayLayout layout = ArrayLayout::by_shape);

/// What find_images saw.
struct FoundImages {
  std::vector<std::filesystem::path> files;     ///< to be read, sorted
  std::map<std::string, std::size_t> left_out;  ///< files of other kinds: how many of each
  std::size_t hidden = 0;                       ///< hidden files and those of file managers, left out as well
  std::vector<std::string> problems;            ///< folders that cannot be read, a sentence each
};

/// The files below `path` that load_images reads by their first bytes, and those named like pictures or arrays, which
/// it may refuse; `path` itself when it is no folder. Links to folders are not followed below `path`.
protocol::Result<FoundImages> find_images(const std::filesystem::path& path);

}  // namespace blindsight::model
