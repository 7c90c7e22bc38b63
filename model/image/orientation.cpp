#include <utility>

#include "model/image/formats.h"

namespace blindsight::model {
namespace {

/// Numbers of a TIFF structure in its byte order; whatever lies outside of it is nothing.
struct Tiff {
  std::span<const std::uint8_t> bytes;
  bool big_endian = false;

  std::optional<std::uint32_t> number(std::size_t at, std::size_t size) const {
    if (at > bytes.size() || bytes.size() - at < size) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[at + (big_endian ? i : size - 1 - i)];
    return value;
  }
};

bool begins_with(std::span<const std::uint8_t> bytes, std::string_view mark) {
  return bytes.size() >= mark.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()), mark.size()) == mark;
}

std::optional<Tiff> tiff_in(std::span<const std::uint8_t> exif) {
  using namespace std::string_view_literals;
  constexpr auto prefix = "Exif\0\0"sv;
  if (begins_with(exif, prefix)) exif = exif.subspan(prefix.size());
  if (begins_with(exif, "II*\0"sv)) return Tiff{exif, false};
  if (begins_with(exif, "MM\0*"sv)) return Tiff{exif, true};
  return std::nullopt;
}

}  // namespace

unsigned exif_orientation(std::span<const std::uint8_t> exif) {
  constexpr std::uint32_t tag = 0x0112, short_type = 3, long_type = 4;
  constexpr std::size_t entry_bytes = 12;
  const auto tiff = tiff_in(exif);
  if (!tiff) return 1;
  const auto directory = tiff->number(4, 4);
  const auto entries = directory ? tiff->number(*directory, 2) : std::nullopt;
  for (std::size_t i = 0; entries && i < *entries; ++i) {
    const std::size_t at = std::size_t{*directory} + 2 + i * entry_bytes;
    const auto found = tiff->number(at, 2);
    if (!found) return 1;
    if (*found != tag) continue;
    const auto type = tiff->number(at + 2, 2), count = tiff->number(at + 4, 4);
    const auto value = type == long_type ? tiff->number(at + 8, 4) : tiff->number(at + 8, 2);
    const bool stated = (type == short_type || type == long_type) && count == 1 && value && *value >= 1 && *value <= 8;
    return stated ? *value : 1;
  }
  return 1;
}

Pixels upright(Pixels pixels) {
  const unsigned o = std::exchange(pixels.orientation, 1);
  if (o == 1) return pixels;
  const auto [height, width, channels] = pixels.size;
  // 2: mirrored, 3: turned by 180°, 4: upside down; 5 to 8 are these (5: none) with rows and columns exchanged.
  const bool swaps = o >= 5, flips_rows = o == 3 || o == 4 || o == 7 || o == 8,
             flips_columns = o == 2 || o == 3 || o == 6 || o == 7;
  Pixels out{{swaps ? width : height, swaps ? height : width, channels}, {}, std::move(pixels.notes)};
  out.samples.reserve(pixels.samples.size());
  for (std::size_t y = 0; y < out.size.height; ++y)
    for (std::size_t x = 0; x < out.size.width; ++x) {
      const std::size_t u = flips_rows ? out.size.height - 1 - y : y, v = flips_columns ? out.size.width - 1 - x : x;
      const auto* from = pixels.samples.data() + ((swaps ? v : u) * width + (swaps ? u : v)) * channels;
      out.samples.insert(out.samples.end(), from, from + channels);
    }
  return out;
}

}  // namespace blindsight::model
