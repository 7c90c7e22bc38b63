#include <algorithm>
#include <array>

#include "model/image/formats.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

namespace {

constexpr std::size_t largest_side = 16384, largest_area = std::size_t{1} << 26;

bool starts_with(std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> mark) {
  return bytes.size() >= mark.size() && std::equal(mark.begin(), mark.end(), bytes.begin());
}

}  // namespace

bool picture_size_is_sane(std::size_t height, std::size_t width) {
  return height > 0 && width > 0 && height <= largest_side && width <= largest_side && height * width <= largest_area;
}

std::string absurd_picture_size(std::size_t height, std::size_t width) {
  return "it claims " + std::to_string(height) + "×" + std::to_string(width) + " pixels; supported are at most " +
         std::to_string(largest_area) + " pixels and " + std::to_string(largest_side) + " a side";
}

Result<Pixels> decode_picture(std::span<const std::uint8_t> bytes, std::size_t channels) {
  constexpr std::array<std::uint8_t, 3> jpeg{0xff, 0xd8, 0xff};
  constexpr std::array<std::uint8_t, 8> png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  if (starts_with(bytes, jpeg)) return decode_jpeg(bytes, channels);
  if (starts_with(bytes, png)) return decode_png(bytes, channels);
  return fail("it is neither a JPEG nor a PNG image");
}

}  // namespace blindsight::model
