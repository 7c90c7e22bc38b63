#include <algorithm>
#include <cctype>
#include <cstring>

#include "model/image/formats.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

namespace {

constexpr std::size_t most_values = std::size_t{1} << 27;

std::string_view value_of(std::string_view header, std::string_view key) {
  const auto at = header.find(key);
  if (at == std::string_view::npos) return {};
  auto rest = header.substr(at + key.size());
  const auto start = rest.find_first_not_of(": ");
  return start == std::string_view::npos ? std::string_view{} : rest.substr(start);
}

}  // namespace

Result<Array> decode_npy(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view magic = "\x93NUMPY";
  if (bytes.size() < 12 || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
    return fail("it is no NumPy array");
  const unsigned version = bytes[6];
  const std::size_t prefix = version == 1 ? 10 : 12;
  std::size_t length = bytes[8] | std::size_t{bytes[9]} << 8;
  if (version != 1) length |= std::size_t{bytes[10]} << 16 | std::size_t{bytes[11]} << 24;
  if (version < 1 || version > 3 || length > bytes.size() - prefix)
    return fail("its NumPy header is damaged or cut short");
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + prefix, length);
  if (!value_of(header, "'descr'").starts_with("'<f4'"))
    return fail("its values are not little-endian float32 ('<f4'): convert the array");
  if (!value_of(header, "'fortran_order'").starts_with("False"))
    return fail("it is stored in Fortran order: save it in C order");
  std::string_view shape = value_of(header, "'shape'");
  const auto end = shape.find(')');
  if (!shape.starts_with('(') || end == std::string_view::npos)
    return fail("its NumPy header is damaged: it has no shape");
  Array array;
  std::size_t elements = 1;
  for (std::size_t i = 1; i < end;) {
    if (std::isdigit(static_cast<unsigned char>(shape[i])) == 0) {
      ++i;
      continue;
    }
    std::size_t d = 0;
    for (; i < end && std::isdigit(static_cast<unsigned char>(shape[i])) != 0; ++i)
      d = std::min(most_values + 1, d * 10 + static_cast<std::size_t>(shape[i] - '0'));
    if (d == 0 || d > most_values || elements > most_values / d || array.dims.size() == 8)
      return fail("its NumPy shape is absurd");
    elements *= d;
    array.dims.push_back(d);
  }
  if (bytes.size() - prefix - length != elements * sizeof(float))
    return fail("its shape asks for " + std::to_string(elements) + " values, it has " +
                std::to_string((bytes.size() - prefix - length) / sizeof(float)) + ": it is damaged or cut short");
  array.values.resize(elements);
  std::memcpy(array.values.data(), bytes.data() + prefix + length, elements * sizeof(float));
  return array;
}

Result<std::vector<Pixels>> decode_idx(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t header = 16;
  if (bytes.size() < header || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 || bytes[3] != 3)
    return fail("it is no IDX file of images (unsigned bytes in three dimensions; unpack it if it is compressed)");
  std::size_t dims[3];
  for (std::size_t d = 0; d < 3; ++d) {
    dims[d] = 0;
    for (std::size_t i = 0; i < 4; ++i) dims[d] = dims[d] << 8 | bytes[4 + 4 * d + i];
  }
  const auto [count, height, width] = dims;
  const std::size_t content = bytes.size() - header;
  // 32-bit sizes: the first product cannot overflow, the second is compared by division.
  if (height * width == 0 || content % (height * width) != 0 || content / (height * width) != count)
    return fail("its header asks for " + std::to_string(count) + " images of " + std::to_string(height) + "×" +
                std::to_string(width) + ", its " + std::to_string(content) +
                " bytes do not fit that: it is damaged or cut short");
  std::vector<Pixels> images;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* from = bytes.data() + header + i * height * width;
    images.push_back({{height, width, 1}, std::vector<float>(from, from + height * width)});
  }
  return images;
}

}  // namespace blindsight::model
