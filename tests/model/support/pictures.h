#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "tests/support/png_writer.h"

namespace blindsight::model::test {

using tests::Bytes;

void write_bytes(const std::filesystem::path& file, std::span<const std::uint8_t> bytes);

/// A JPEG picture to be written by libjpeg.
struct Jpeg {
  std::size_t height = 16, width = 16;
  enum class Colors { grey, rgb, ycc, cmyk } colors = Colors::ycc;
  bool progressive = false, scan_for_each_component = false, arithmetic = false;
  Bytes exif = {};
  Bytes samples = {};  ///< row, column, channel; empty: a pattern without sharp edges

  Bytes bytes() const;
};

/// An .npy file. `content`: the values' bytes.
Bytes npy(const std::string& type, const std::string& shape, const Bytes& content, bool fortran = false,
          unsigned version = 1);
/// Values as float32, little-endian.
Bytes floats(const std::vector<float>& values);

}  // namespace blindsight::model::test
