#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/image/image.h"
#include "protocol/core/result.h"
#include "tensor/shape.h"

namespace blindsight::model {

/// What a file holds, before preprocessing: row, column, channel; a byte a sample.
struct Pixels {
  tensor::Shape size;
  std::vector<std::uint8_t> samples;
  std::vector<Note> notes;   ///< what was left out on the way
  unsigned orientation = 1;  ///< 1..8 as EXIF says it; not applied yet
};

/// What a file is, told by its first bytes.
enum class Kind { jpeg, png, npy, idx, empty, unknown, other };
constexpr bool is_read(Kind kind) {
  return kind < Kind::empty;
}
struct FileKind {
  Kind kind = Kind::other;
  std::string name;    ///< "TIFF"
  std::string advice;  ///< what to do with a file that is not read; empty when there is nothing to say
};
/// So many bytes of a file are enough for kind_of.
constexpr std::size_t head_bytes = 1024;
FileKind kind_of(std::span<const std::uint8_t> head);
/// "by its first bytes it is of the kind TIFF (not read): convert it to PNG", for a kind that is not read.
std::string why_not_read(const FileKind& kind);

/// JPEG or PNG: `channels` (1: grey, 3: RGB) channels, whatever the file has.
protocol::Result<Pixels> decode_picture(std::span<const std::uint8_t> bytes, std::size_t channels);
protocol::Result<Pixels> decode_jpeg(std::span<const std::uint8_t> bytes, std::size_t channels);
/// As PIL reads it: gamma and colour profiles are ignored, transparency is dropped, 16 bits are cut to the high 8.
protocol::Result<Pixels> decode_png(std::span<const std::uint8_t> bytes, std::size_t channels);
/// Samples of `from` channels (1: grey, 2: grey and alpha, 3: RGB, 4: RGBA) with `to` (1 or 3) instead; alpha is
/// dropped.
std::vector<std::uint8_t> to_channels(std::vector<std::uint8_t> samples, std::size_t from, std::size_t to);
/// Whether a picture's claimed size is worth any memory, and the error when it is not.
bool picture_size_is_sane(std::size_t height, std::size_t width);
std::string absurd_picture_size(std::size_t height, std::size_t width);

/// The orientation, 1..8, that a block of EXIF (a TIFF structure, with or without "Exif\0\0" before it) states; 1 when
/// it states none. Never reads outside of `exif`.
unsigned exif_orientation(std::span<const std::uint8_t> exif);
/// The picture as it is to be seen: `pixels.orientation` applied.
Pixels upright(Pixels pixels);

/// NumPy's format 1 to 3, any integer, truth or float type in either byte order; the shape as the file has it, the
/// values in C order.
struct Array {
  std::vector<std::size_t> dims;
  std::vector<float> values;  ///< all finite
};
protocol::Result<Array> decode_npy(std::span<const std::uint8_t> bytes);
/// An array's values in the network's order (row, column, channel). Axes of size 1 do not count. What can be read as
/// either layout, with another meaning, needs `layout`.
protocol::Result<std::vector<float>> fit_array(Array array, const tensor::Shape& size, ArrayLayout layout);
/// IDX with unsigned bytes and three dimensions: several grey images.
protocol::Result<std::vector<Pixels>> decode_idx(std::span<const std::uint8_t> bytes);

/// Bilinear, antialiased as PIL and torchvision do it: a triangle as wide as one target pixel when shrinking, weights
/// normalized inside the picture, rows and columns apart. Values 0..255, not rounded.
std::vector<float> resize(const Pixels& from, std::size_t height, std::size_t width);

}  // namespace blindsight::model
