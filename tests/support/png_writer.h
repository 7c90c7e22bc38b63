#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace blindsight::tests {

using Bytes = std::vector<std::uint8_t>;

/// Big-endian.
inline void append(Bytes& to, std::uint32_t value, int bytes = 4) {
  for (int i = bytes - 1; i >= 0; --i) to.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

/// Byte by byte: g++ 12 takes inserted ranges for writes out of bounds.
inline void append(Bytes& to, const auto& bytes) requires requires {
  bytes.begin();
}
{
  for (const auto byte : bytes) to.push_back(static_cast<std::uint8_t>(byte));
}

/// A PNG chunk with its checksum.
inline Bytes png_chunk(const std::string& type, const Bytes& content) {
  Bytes chunk;
  append(chunk, static_cast<std::uint32_t>(content.size()));
  append(chunk, type);
  append(chunk, content);
  std::uint32_t crc = ~0U;
  for (std::size_t i = 4; i < chunk.size(); ++i) {
    crc ^= chunk[i];
    for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
  }
  append(chunk, ~crc);
  return chunk;
}

/// A zlib stream that stores `raw` as it is.
inline Bytes stored(const Bytes& raw) {
  Bytes out = {0x78, 0x01};
  for (std::size_t at = 0; at == 0 || at < raw.size(); at += 0xffff) {
    const auto length = static_cast<std::uint16_t>(std::min<std::size_t>(0xffff, raw.size() - at));
    out.push_back(at + length == raw.size() ? 1 : 0);
    for (const std::uint16_t v : {length, static_cast<std::uint16_t>(~length)}) {
      out.push_back(static_cast<std::uint8_t>(v & 255));
      out.push_back(static_cast<std::uint8_t>(v >> 8));
    }
    append(out, std::span(raw).subspan(at, length));
  }
  std::uint32_t a = 1, b = 0;
  for (const std::uint8_t v : raw) {
    a = (a + v) % 65521;
    b = (b + a) % 65521;
  }
  append(out, b << 16 | a);
  return out;
}

/// A PNG picture to be written; tests change what they are about.
struct Png {
  std::uint32_t height = 1, width = 1;
  std::uint8_t bit_depth = 8;
  std::uint8_t color_type = 2;                   ///< 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA
  bool interlaced = false;                       ///< whole bytes a pixel only
  Bytes rows;                                    ///< packed, without filter bytes
  Bytes before_pixels = {}, behind_pixels = {};  ///< further chunks
  bool end_mark = true;

  std::size_t pixel_bits() const {
    constexpr std::array<std::size_t, 7> channels = {1, 0, 3, 1, 2, 0, 4};
    return channels[color_type] * bit_depth;
  }

  Bytes bytes() const {
    Bytes all = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, header;
    append(header, width);
    append(header, height);
    append(header, Bytes{bit_depth, color_type, 0, 0, static_cast<std::uint8_t>(interlaced ? 1 : 0)});
    for (const Bytes& part : {png_chunk("IHDR", header), before_pixels, png_chunk("IDAT", stored(filtered())),
                              behind_pixels, end_mark ? png_chunk("IEND", {}) : Bytes{}})
      append(all, part);
    return all;
  }

 private:
  Bytes filtered() const {
    Bytes out;
    if (!interlaced) {
      const std::size_t row = (width * pixel_bits() + 7) / 8;
      for (std::size_t y = 0; y < height && (y + 1) * row <= rows.size(); ++y) {
        out.push_back(0);
        append(out, std::span(rows).subspan(y * row, row));
      }
      return out;
    }
    // Adam7: first column, first row, column step, row step.
    constexpr std::size_t passes[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                          {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    const std::size_t pixel = pixel_bits() / 8;
    for (const auto& [x0, y0, dx, dy] : passes)
      for (std::size_t y = y0; y < height && x0 < width; y += dy) {
        out.push_back(0);
        for (std::size_t x = x0; x < width; x += dx)
          for (std::size_t i = 0; i < pixel; ++i) out.push_back(rows[(y * width + x) * pixel + i]);
      }
    return out;
  }
};

/// EXIF that states an orientation, as a TIFF structure.
inline Bytes exif_with(unsigned orientation, bool big_endian) {
  const auto o = static_cast<std::uint8_t>(orientation);
  if (big_endian) return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, o, 0, 0, 0, 0, 0, 0};
  return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, o, 0, 0, 0, 0, 0, 0, 0};
}

}  // namespace blindsight::tests
