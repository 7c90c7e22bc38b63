#include <algorithm>

#include "model/image/formats.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

namespace {

constexpr std::size_t largest_side = 16384, largest_area = std::size_t{1} << 26;

}  // namespace

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
