#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "protocol/core/result.h"
#include "tensor/shape.h"

namespace blindsight::model {

/// What a file holds, before preprocessing: row, column, channel.
struct Pixels {
  tensor::Shape size;
  std::vector<float> values;
};

/// JPEG or PNG, told apart by their first bytes: values 0..255 with `channels` (1: grey, 3: RGB) channels, whatever the
/// file has.
protocol::Result<Pixels> decode_picture(std::span<const std::uint8_t> bytes, std::size_t channels);
protocol::Result<Pixels> decode_jpeg(std::span<const std::uint8_t> bytes, std::size_t channels);
protocol::Result<Pixels> decode_png(std::span<const std::uint8_t> bytes, std::size_t channels);
/// Whether a picture's claimed size is worth any memory, and the error when it is not.
bool picture_size_is_sane(std::size_t height, std::size_t width);
std::string absurd_picture_size(std::size_t height, std::size_t width);
/// NumPy's format 1 to 3, little-endian float32 in C order; the shape as the file has it.
struct Array {
  std::vector<std::size_t> dims;
  std::vector<float> values;
};
protocol::Result<Array> decode_npy(std::span<const std::uint8_t> bytes);
/// IDX with unsigned bytes and three dimensions: several grey images.
protocol::Result<std::vector<Pixels>> decode_idx(std::span<const std::uint8_t> bytes);

/// Bilinear, antialiased as PIL and torchvision do it: a triangle as wide as one target pixel when shrinking, weights
/// normalized inside the picture, rows and columns apart.
Pixels resize(const Pixels& from, std::size_t height, std::size_t width);

}  // namespace blindsight::model
