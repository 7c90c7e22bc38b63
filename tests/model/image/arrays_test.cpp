#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "model/image/formats.h"
#include "tests/model/support/pictures.h"
#include "tests/model/support/zoo.h"
#include "tests/support/text.h"

using blindsight::tests::contains;
using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

using Values = std::vector<float>;

std::string refusal(const Bytes& bytes) {
  const auto array = decode_npy(bytes);
  REQUIRE_FALSE(array.has_value());
  return array.error().what;
}

/// `bits` of each value in a byte order.
Bytes packed(const std::vector<std::uint64_t>& values, std::size_t bytes, bool big_endian) {
  Bytes all;
  for (const std::uint64_t v : values)
    for (std::size_t i = 0; i < bytes; ++i)
      all.push_back(static_cast<std::uint8_t>(v >> 8 * (big_endian ? bytes - 1 - i : i)));
  return all;
}

void check_type(const std::string& type, std::size_t bytes, const std::vector<std::uint64_t>& bits,
                const Values& expected) {
  for (const bool big : {false, true}) {
    std::string with_order = bytes == 1 ? "|" : big ? ">" : "<", shape = "(";
    with_order += type;
    shape += std::to_string(bits.size()) + ",)";
    const auto array = decode_npy(npy(with_order, shape, packed(bits, bytes, big)));
    CAPTURE(type);
    REQUIRE_MESSAGE(array.has_value(), (array ? "" : array.error().what));
    CHECK(array->values == expected);
  }
}

}  // namespace

TEST_CASE("arrays of every type of number and either byte order are read") {
  check_type("b1", 1, {0, 1, 2}, {0, 1, 1});
  check_type("u1", 1, {0, 200, 255}, {0, 200, 255});
  check_type("i1", 1, {5, 0x80, 0xff}, {5, -128, -1});
  check_type("u2", 2, {256, 65535}, {256, 65535});
  check_type("i2", 2, {256, 0x8000}, {256, -32768});
  check_type("u4", 4, {1U << 24, 1U << 31}, {16777216, 2147483648.0F});
  check_type("i4", 4, {7, 0xffffffff}, {7, -1});
  check_type("u8", 8, {7, 1ULL << 63}, {7, 9223372036854775808.0F});
  check_type("i8", 8, {7, ~0ULL - 1}, {7, -2});
  check_type("f2", 2, {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000}, {1, -2, std::ldexp(1.0F, -24), 65504, -0.0F});
  check_type("f4", 4, {std::bit_cast<std::uint32_t>(1.5F), std::bit_cast<std::uint32_t>(-3e30F)}, {1.5F, -3e30F});
  check_type("f8", 8, {std::bit_cast<std::uint64_t>(0.1), std::bit_cast<std::uint64_t>(-2.0)}, {0.1F, -2});
}

TEST_CASE("Fortran order is read as what it means, in one to four dimensions and every format version") {
  // a[i][j] = 10 i + j, the first index fastest.
  const auto fortran = npy("<f4", "(2, 3)", floats({0, 10, 1, 11, 2, 12}), true);
  CHECK(decode_npy(fortran)->values == Values{0, 1, 2, 10, 11, 12});
  CHECK(decode_npy(npy("<f4", "(3,)", floats({1, 2, 3}), true))->values == Values{1, 2, 3});
  Values c_order, f_order(2 * 3 * 4 * 5);
  for (std::size_t a = 0, n = 0; a < 2; ++a)
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t c = 0; c < 4; ++c)
        for (std::size_t d = 0; d < 5; ++d, ++n) {
          c_order.push_back(static_cast<float>(n));
          f_order[((d * 4 + c) * 3 + b) * 2 + a] = static_cast<float>(n);
        }
  CHECK(decode_npy(npy("<f4", "(2, 3, 4, 5)", floats(f_order), true))->values == c_order);
  for (const unsigned version : {1U, 2U, 3U})
    CHECK(decode_npy(npy("<f4", "(2, 1)", floats({8, 9}), false, version))->values == Values{8, 9});
  CHECK_FALSE(decode_npy(npy("<f4", "(1,)", floats({8}), false, 4)).has_value());
}

TEST_CASE("a header's keys and words have either quote, as Python's literals do") {
  auto array = npy("<f4", "(2,)", floats({3, 4}));
  std::replace(array.begin(), array.begin() + 64, std::uint8_t{'\''}, std::uint8_t{'"'});
  const auto values = decode_npy(array);
  REQUIRE_MESSAGE(values.has_value(), (values ? "" : values.error().what));
  CHECK(values->values == Values{3, 4});
}

TEST_CASE("arrays of what are no numbers are refused by name") {
  CHECK(contains(refusal(npy("<c8", "(1,)", Bytes(8))), "complex"));
  CHECK(contains(refusal(npy("<U3", "(1,)", Bytes(12))), "strings"));
  CHECK(contains(refusal(npy("|S3", "(1,)", Bytes(3))), "strings"));
  CHECK(contains(refusal(npy("|O", "(1,)", Bytes(8))), "objects"));
  CHECK(contains(refusal(npy("|V4", "(1,)", Bytes(4))), "structures"));
  CHECK(contains(refusal(npy("[('r', '<f4'), ('g', '<f4')]", "(1,)", Bytes(8))), "structures"));
  CHECK(contains(refusal(npy("<M8[ns]", "(1,)", Bytes(8))), "times"));
  CHECK(contains(refusal(npy("<f16", "(1,)", Bytes(16))), "f16"));
  for (const char* type : {"", "<", "x", "<f", "<f3", "<i", "f44", "b2"})
    CHECK_FALSE(decode_npy(npy(type, "(1,)", Bytes(4))).has_value());
}

TEST_CASE("values that are no finite numbers of 32 bits are refused") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float v : {std::nanf(""), infinity, -infinity})
    CHECK(contains(refusal(npy("<f4", "(2,)", floats({1, v}))), "finite"));
  CHECK(contains(refusal(npy("<f8", "(1,)", packed({std::bit_cast<std::uint64_t>(1e300)}, 8, false))), "finite"));
  CHECK(contains(refusal(npy("<f2", "(1,)", packed({0x7c00}, 2, false))), "finite"));
  CHECK(contains(refusal(npy("<f2", "(1,)", packed({0x7e00}, 2, false))), "finite"));
}

TEST_CASE("damaged arrays are refused with what is wrong") {
  const std::pair<Bytes, const char*> cases[] = {
      {npy("<f4", "(2, 2)", floats({1, 2, 3})), "asks for 4 values"},
      {npy("<f8", "(2, 2)", floats({1, 2, 3, 4})), "asks for 4 values of 8 bytes"},
      {npy("<f4", "(99999999999999999999, 2)", floats({1})), "absurd"},
      {npy("<f4", "(0, 2)", {}), "absurd"},
      {npy("<f4", "2, 2", floats({1, 2, 3, 4})), "no shape"},
  };
  for (const auto& [bytes, word] : cases) CHECK(contains(refusal(bytes), word));
  const auto whole = npy("<f4", "(2, 2)", floats({1, 2, 3, 4}));
  for (std::size_t cut = 0; cut < whole.size(); ++cut) CHECK_FALSE(decode_npy(std::span(whole).first(cut)).has_value());
}

TEST_CASE("axes of size 1 do not count, and channels come last") {
  using Dims = std::vector<std::size_t>;
  const tensor::Shape colour{2, 3, 4}, grey{2, 3, 1}, flat{1, 1, 6}, one{1, 1, 1};
  auto fit = [](const Dims& dims, const tensor::Shape& size, ArrayLayout layout = ArrayLayout::by_shape) {
    Values values;
    for (std::size_t i = 0; i < size.elements(); ++i) values.push_back(static_cast<float>(i));
    return fit_array({dims, values}, size, layout);
  };
  for (const Dims& dims : {Dims{2, 3, 4}, Dims{1, 2, 3, 4}, Dims{1, 1, 2, 3, 4}, Dims{2, 3, 4, 1}})
    CHECK((*fit(dims, colour))[1] == 1);
  for (const Dims& dims : {Dims{4, 2, 3}, Dims{1, 4, 2, 3}}) CHECK((*fit(dims, colour))[1] == 6);
  for (const Dims& dims : {Dims{2, 3}, Dims{1, 2, 3}, Dims{2, 3, 1}, Dims{1, 1, 2, 3}, Dims{1, 2, 3, 1}})
    CHECK((*fit(dims, grey))[1] == 1);
  for (const Dims& dims : {Dims{6}, Dims{1, 6}, Dims{6, 1}, Dims{1, 6, 1, 1}}) CHECK((*fit(dims, flat))[1] == 1);
  CHECK(fit({}, one).has_value());
  for (const Dims& dims : {Dims{3, 2, 4}, Dims{24}, Dims{4, 6}, Dims{2, 2, 3, 2}}) {
    const auto wrong = fit(dims, colour);
    REQUIRE_FALSE(wrong.has_value());
    CHECK(contains(wrong.error().what, "2×3×4"));
  }
}

TEST_CASE("a shape that fits both layouts is refused until one is said, and a layout that is said must fit") {
  const Values values = {0, 1, 2, 3, 4, 5, 6, 7};
  const tensor::Shape cube{2, 2, 2};
  const auto both = fit_array({{2, 2, 2}, values}, cube, ArrayLayout::by_shape);
  REQUIRE_FALSE(both.has_value());
  CHECK(contains(both.error().what, "--array-layout"));
  CHECK_FALSE(fit_array({{1, 2, 2, 2}, values}, cube, ArrayLayout::by_shape).has_value());
  CHECK(*fit_array({{2, 2, 2}, values}, cube, ArrayLayout::hwc) == values);
  CHECK(*fit_array({{1, 2, 2, 2}, values}, cube, ArrayLayout::chw) == Values{0, 4, 1, 5, 2, 6, 3, 7});
  const tensor::Shape colour{2, 1, 4};
  CHECK_FALSE(fit_array({{2, 1, 4}, values}, colour, ArrayLayout::chw).has_value());
  CHECK_FALSE(fit_array({{4, 2, 1}, values}, colour, ArrayLayout::hwc).has_value());
  CHECK(fit_array({{4, 2, 1}, values}, colour, ArrayLayout::chw).has_value());
  // One channel, or one pixel: both are the same.
  CHECK(fit_array({{2, 4}, values}, {2, 4, 1}, ArrayLayout::by_shape).has_value());
  CHECK(fit_array({{8}, values}, {1, 1, 8}, ArrayLayout::by_shape).has_value());
  // What axes of size 1 tell.
  const Values four = {1, 2, 3, 4};
  CHECK(*fit_array({{1, 2, 2, 1}, four}, {2, 1, 2}, ArrayLayout::by_shape) == Values{1, 3, 2, 4});
  CHECK(*fit_array({{2, 1, 2}, four}, {2, 1, 2}, ArrayLayout::by_shape) == four);
  CHECK_FALSE(fit_array({{2, 2}, four}, {2, 1, 2}, ArrayLayout::by_shape).has_value());
}

TEST_CASE("an IDX file gives its images one by one, or is refused when its sizes lie") {
  CHECK(digits().size() == 100);
  CHECK(digits()[7].name == "model/zoo/mnist-100.idx3-ubyte#7");
  auto bytes = file_bytes("model/zoo/mnist-100.idx3-ubyte");
  CHECK_FALSE(decode_idx(std::span(bytes).first(bytes.size() - 1)).has_value());
  CHECK_FALSE(decode_idx(std::span(bytes).first(10)).has_value());
  for (const std::size_t at : {2U, 3U, 5U, 9U, 13U}) {
    auto lie = bytes;
    lie[at] = 0xff;
    CHECK_FALSE(decode_idx(lie).has_value());
  }
  Bytes many = {0, 0, 8, 3, 0, 0x20, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};
  many.resize(16 + (std::size_t{1} << 21));
  CHECK_FALSE(decode_idx(many).has_value());
}
