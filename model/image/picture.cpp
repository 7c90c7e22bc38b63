#include <algorithm>
#include <cstring>

#include "model/fault.h"
#include "model/image/formats.h"

namespace blindsight::model {

using protocol::Result;

namespace {

constexpr std::size_t largest_side = 16384, largest_area = std::size_t{1} << 26;

/// As PIL weighs it for "L": 0.299 R + 0.587 G + 0.114 B, in 16 bits behind the point, rounded.
std::uint8_t brightness(const std::uint8_t* p) {
  return static_cast<std::uint8_t>((19595U * p[0] + 38470U * p[1] + 7471U * p[2] + 0x8000U) >> 16);
}

}  // namespace

std::vector<std::uint8_t> to_channels(std::vector<std::uint8_t> samples, std::size_t from, std::size_t to) {
  const bool color = from >= 3;
  const std::size_t pixels = samples.size() / from;
  if (from == to) return samples;
  if (to == 3 && !color) {
    std::vector<std::uint8_t> out(3 * pixels);
    for (std::size_t i = 0; i < pixels; ++i) std::memset(out.data() + 3 * i, samples[i * from], 3);
    return out;
  }
  // Fewer channels than before: in place.
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint8_t* p = samples.data() + i * from;
    if (to == 3)
      std::memmove(samples.data() + 3 * i, p, 3);
    else
      samples[i] = color ? brightness(p) : *p;
  }
  samples.resize(pixels * to);
  return samples;
}

bool picture_size_is_sane(std::size_t height, std::size_t width) {
  return height > 0 && width > 0 && height <= largest_side && width <= largest_side && height * width <= largest_area;
}

std::string absurd_picture_size(std::size_t height, std::size_t width) {
  return "it claims " + std::to_string(height) + "×" + std::to_string(width) + " pixels; supported are at most " +
         std::to_string(largest_area) + " pixels and " + std::to_string(largest_side) + " a side";
}

Result<Pixels> decode_picture(std::span<const std::uint8_t> bytes, std::size_t channels) {
  const auto kind = kind_of(bytes.first(std::min(bytes.size(), head_bytes)));
  if (kind.kind == Kind::jpeg) return decode_jpeg(bytes, channels);
  if (kind.kind == Kind::png) return decode_png(bytes, channels);
  return fail(why_not_read(kind));
}

}  // namespace blindsight::model
