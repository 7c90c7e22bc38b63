#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <functional>

#include "model/fault.h"
#include "model/graph/graph.h"
#include "model/image/formats.h"

namespace blindsight::model {

using protocol::Result;
using tensor::Shape;

namespace {

constexpr std::size_t most_values = std::size_t{1} << 27, most_axes = 8;
constexpr std::size_t most_images = std::size_t{1} << 20;

/// What stands behind a key of the header, a literal of Python's: strings have either quote.
std::string_view value_of(std::string_view header, const std::string& key) {
  const auto at = std::min(header.find("'" + key + "'"), header.find('"' + key + '"'));
  if (at == std::string_view::npos) return {};
  auto rest = header.substr(at + key.size() + 2);
  const auto start = rest.find_first_not_of(": \t\n");
  return start == std::string_view::npos ? std::string_view{} : rest.substr(start);
}

/// How a file holds one value.
struct ValueType {
  char letter = 'f';  ///< f: floating, i: integer, u: integer without sign, b: truth
  std::size_t bytes = 4;
  bool big_endian = false;
};

/// What other types than numbers are called.
std::string_view name_of_type(char letter) {
  switch (letter) {
    case 'c':
      return "complex numbers";
    case 'U':
    case 'S':
    case 'a':
      return "strings";
    case 'O':
      return "Python objects";
    case 'V':
      return "structures";
    case 'M':
    case 'm':
      return "times";
    default:
      return "of an unknown type";
  }
}

/// From what stands behind 'descr': '<f4', '|u1', or a list of fields.
Result<ValueType> type_from(std::string_view descr) {
  const std::string want = ": save numbers, as array.astype(numpy.float32)";
  if (descr.starts_with('[')) return fail("its values are structures of several fields" + want);
  const auto end = descr.empty() ? descr.npos : descr.find(descr[0], 1);
  if (end == descr.npos || (descr[0] != '\'' && descr[0] != '"'))
    return fail("its NumPy header is damaged: it has no type");
  auto text = descr.substr(1, end - 1);
  ValueType type;
  type.big_endian = text.starts_with('>') || (text.starts_with('=') && std::endian::native == std::endian::big);
  if (!text.empty() && std::string_view("<>=|").find(text[0]) != text.npos) text.remove_prefix(1);
  if (text.empty()) return fail("its NumPy header is damaged: it has no type");
  type.letter = text[0];
  text.remove_prefix(1);
  if (std::string_view("fiub").find(type.letter) == text.npos)
    return fail("its values are " + std::string(name_of_type(type.letter)) + want);
  const bool known = text == "1" || text == "2" || text == "4" || text == "8";
  type.bytes = known ? static_cast<std::size_t>(text[0] - '0') : 0;
  if (!known || (type.letter == 'b' && type.bytes != 1) || (type.letter == 'f' && type.bytes == 1))
    return fail("its values are of the type " + in_quotes(std::string(1, type.letter) + std::string(text)) + want);
  return type;
}

double half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double size = exponent == 0    ? std::ldexp(mantissa, -24)
                      : exponent != 31 ? std::ldexp(mantissa + 1024, exponent - 25)
                      : mantissa == 0  ? HUGE_VAL
                                       : std::nan("");
  return (bits >> 15) != 0 ? -size : size;
}

float value_at(const std::uint8_t* at, const ValueType& type) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < type.bytes; ++i) bits = bits << 8 | at[type.big_endian ? i : type.bytes - 1 - i];
  if (type.letter == 'b') return bits != 0 ? 1.0F : 0.0F;
  if (type.letter == 'u') return static_cast<float>(bits);
  if (type.letter == 'i') {
    const unsigned above = 64 - 8 * static_cast<unsigned>(type.bytes);  // shifted up and down: the sign comes along
    return static_cast<float>(static_cast<std::int64_t>(bits << above) >> above);
  }
  if (type.bytes == 2) return static_cast<float>(half(static_cast<std::uint16_t>(bits)));
  if (type.bytes == 4) return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  return static_cast<float>(std::bit_cast<double>(bits));
}

/// The axes of "(3, 224, 224)".
Result<std::vector<std::size_t>> shape_from(std::string_view shape) {
  const auto end = shape.find(')');
  if (!shape.starts_with('(') || end == std::string_view::npos)
    return fail("its NumPy header is damaged: it has no shape");
  std::vector<std::size_t> dims;
  std::size_t elements = 1;
  for (std::size_t i = 1; i < end;) {
    if (std::isdigit(static_cast<unsigned char>(shape[i])) == 0) {
      ++i;
      continue;
    }
    std::size_t d = 0;
    for (; i < end && std::isdigit(static_cast<unsigned char>(shape[i])) != 0; ++i)
      d = std::min(most_values + 1, d * 10 + static_cast<std::size_t>(shape[i] - '0'));
    if (d == 0 || d > most_values || elements > most_values / d || dims.size() == most_axes)
      return fail("its NumPy shape is absurd");
    elements *= d;
    dims.push_back(d);
  }
  return dims;
}

std::size_t product(const std::vector<std::size_t>& dims) {
  std::size_t all = 1;
  for (const std::size_t d : dims) all *= d;
  return all;
}

/// Values whose first axis runs fastest, as if the last one did.
std::vector<float> from_fortran_order(const std::vector<float>& values, const std::vector<std::size_t>& dims) {
  std::vector<float> out;
  out.reserve(values.size());
  std::vector<std::size_t> at(dims.size(), 0);
  for (std::size_t n = 0; n < values.size(); ++n) {
    std::size_t from = 0;
    for (std::size_t a = dims.size(); a-- > 0;) from = from * dims[a] + at[a];
    out.push_back(values[from]);
    for (std::size_t a = dims.size(); a-- > 0 && ++at[a] == dims[a];) at[a] = 0;
  }
  return out;
}

std::vector<std::size_t> without_ones(std::vector<std::size_t> dims) {
  std::erase(dims, std::size_t{1});
  return dims;
}

std::string described(const std::vector<std::size_t>& dims) {
  return describe(std::vector<std::int64_t>(dims.begin(), dims.end()));
}

std::vector<float> channels_last(const std::vector<float>& values, const Shape& size) {
  const std::size_t pixels = size.height * size.width;
  std::vector<float> out(values.size());
  for (std::size_t c = 0; c < size.channels; ++c)
    for (std::size_t i = 0; i < pixels; ++i) out[i * size.channels + c] = values[c * pixels + i];
  return out;
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
  const auto type = type_from(value_of(header, "descr"));
  if (!type) return fail(type.error().what);
  const auto order = value_of(header, "fortran_order");
  if (!order.starts_with("True") && !order.starts_with("False"))
    return fail("its NumPy header is damaged: it has no order");
  const auto dims = shape_from(value_of(header, "shape"));
  if (!dims) return fail(dims.error().what);
  const auto content = bytes.subspan(prefix + length);
  Array array{*dims, {}};
  const std::size_t elements = product(*dims);
  if (content.size() != elements * type->bytes)
    return fail("its shape asks for " + std::to_string(elements) + " values of " + std::to_string(type->bytes) +
                " bytes, it has " + std::to_string(content.size()) + " bytes: it is damaged or cut short");
  array.values.reserve(elements);
  for (std::size_t i = 0; i < elements; ++i) {
    const float value = value_at(content.data() + i * type->bytes, *type);
    if (!std::isfinite(value)) return fail("it has values that are no finite numbers of 32 bits");
    array.values.push_back(value);
  }
  if (order.starts_with("True")) array.values = from_fortran_order(array.values, *dims);
  return array;
}

Result<std::vector<float>> fit_array(Array array, const Shape& size, ArrayLayout layout) {
  using Axes = std::vector<std::size_t>;
  const Axes hwc{size.height, size.width, size.channels}, chw{size.channels, size.height, size.width};
  const Axes has = without_ones(array.dims);
  bool is_hwc = has == without_ones(hwc), is_chw = has == without_ones(chw);
  const bool same_order = size.channels == 1 || size.height * size.width == 1;
  // Where dropping axes of size 1 left both open, the axes as they stand may tell.
  if (layout == ArrayLayout::by_shape && is_hwc && is_chw && !same_order) {
    if (array.dims.size() == 4 && array.dims[0] == 1) array.dims.erase(array.dims.begin());
    if ((array.dims == hwc) != (array.dims == chw)) (array.dims == hwc ? is_chw : is_hwc) = false;
  }
  const std::string network = "the network reads height×width×channels " + described(hwc);
  if (layout == ArrayLayout::hwc) is_chw = false;
  if (layout == ArrayLayout::chw) is_hwc = false;
  if (!is_hwc && !is_chw)
    return fail("its shape is " + described(array.dims) + "; " + network +
                (layout == ArrayLayout::hwc   ? " in this order (--array-layout hwc)"
                 : layout == ArrayLayout::chw ? " as channels×height×width (--array-layout chw)"
                                              : "") +
                ", and an array is taken as preprocessed already and is not resized");
  if (is_hwc && is_chw && !same_order)
    return fail("its shape " + described(array.dims) +
                " can be height×width×channels or channels×height×width: say which with --array-layout hwc or "
                "--array-layout chw");
  return is_hwc ? std::move(array.values) : channels_last(array.values, size);
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
  if (!picture_size_is_sane(height, width)) return fail(absurd_picture_size(height, width));
  if (count > most_images)
    return fail("it holds " + std::to_string(count) + " images; supported are at most " + std::to_string(most_images) +
                " in one file");
  std::vector<Pixels> images;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* from = bytes.data() + header + i * height * width;
    images.push_back({{height, width, 1}, std::vector<std::uint8_t>(from, from + height * width), {}});
  }
  return images;
}

}  // namespace blindsight::model
