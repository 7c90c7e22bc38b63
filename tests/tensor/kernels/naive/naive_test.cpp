// The oracle of all kernels, against results that were worked out by hand.
#include "tensor/kernels/naive/naive.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

namespace blindsight::tensor::naive {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST_CASE("naive convolution: channels, strides, padding and the order of a filter") {
  // Row, column, channel: two channels, the second one ten times the first.
  const std::vector<Word32> in{1, 10, 2, 20, 3, 30,  //
                               4, 40, 5, 50, 6, 60};
  // One filter row, two columns, two in channels, two out channels: the first adds up, the second takes single words.
  const std::vector<Word32> filter{1, 1, 1, 0,  //
                                   1, 0, 1, 100};
  std::vector<Word32> out(2 * 2 * 2);
  convolve<Word32>({{2, 3, 2}, 2, {1, 2}}, filter, in, out);
  CHECK(out == std::vector<Word32>{33, 2001, 55, 3002, 99, 5004, 121, 6005});

  // Padding above and on the right, columns in steps of two: (-1, 0), (-1, 2), (0, 0), (0, 2), (1, 0), (1, 2).
  std::vector<Word32> padded(3 * 2 * 2);
  convolve<Word32>({{2, 3, 2}, 2, {1, 2, 1, 2, 1, 0, 0, 1}}, filter, in, padded);
  CHECK(padded == std::vector<Word32>{0, 0, 0, 0, 33, 2001, 33, 3, 99, 5004, 66, 6});
}

TEST_CASE("naive products wrap at the word's end") {
  const std::vector<Word128> in{~Word128{0}}, filter{~Word128{0} - 1};
  std::vector<Word128> out(1);
  convolve<Word128>({{1, 1, 1}, 1, {}}, filter, in, out);
  CHECK(out[0] == 2);
}

TEST_CASE("naive bit packing puts the lowest bit first and fills the last byte with zeros") {
  const std::vector<Word16> words{0b10'1'0110, 0b1, 0b11111};
  Bytes bytes(2, 0xFF);
  pack_bits<Word16>(words, 5, bytes);
  CHECK(bytes == Bytes{0b001'10110, 0b0'11111'00});
  std::vector<Word16> back(3, 99);
  unpack_bits<Word16>(bytes, 5, back);
  CHECK(back == std::vector<Word16>{0b10110, 1, 0b11111});
}

TEST_CASE("naive planes hold one bit of every word, pad bits zero") {
  const std::vector<Word16> words{2, 1, 3};
  std::vector<Word64> planes(2 * 8, ~Word64{0});
  to_planes(words, 2, planes);
  CHECK(planes == std::vector<Word64>{0b110, 0, 0, 0, 0, 0, 0, 0, 0b101, 0, 0, 0, 0, 0, 0, 0});
  const std::vector<Word64> plane{0, 0b10};
  CHECK(plane_bit(plane, 65));
  CHECK_FALSE(plane_bit(plane, 1));
  CHECK_FALSE(plane_bit(plane, 64));
}

TEST_CASE("naive comparison of digits") {
  const std::vector<unsigned> c{3, 4, 5}, r{4, 4, 4};
  std::array<bool, 3> less{}, equal{};
  compare_digit(c, r, less, equal);
  CHECK(less == std::array{true, false, false});
  CHECK(equal == std::array{false, true, false});
}

TEST_CASE("naive windows: outside of the map a gathered one repeats the edge, a summed one adds nothing") {
  const Shape in{2, 3, 1};
  const std::vector<Word16> map{1, 2, 3,  //
                                4, 5, 6};
  const Window window{2, 2, 2, 2, 1, 1, 1, 0};  // 2 x 2 windows, whose first row and column lie outside
  std::vector<Word16> corner(4), inner(4), sums(4);
  gather_window<Word16>(in, window, 0, 0, map, corner);
  CHECK(corner == std::vector<Word16>{1, 2, 4, 5});
  gather_window<Word16>(in, window, 1, 1, map, inner);
  CHECK(inner == std::vector<Word16>{1, 3, 4, 6});
  sum_windows<Word16>(in, window, map, sums);
  CHECK(sums == std::vector<Word16>{1, 5, 4, 11});
}

}  // namespace
}  // namespace blindsight::tensor::naive
