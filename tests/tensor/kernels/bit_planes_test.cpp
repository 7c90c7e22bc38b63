#include "tensor/kernels/bit_planes.h"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>

#include "../random_words.h"
#include "tensor/kernels/naive/naive.h"
#include "tensor/kernels/pack_bits.h"

namespace blindsight::tensor {

TEST_CASE("to_planes equals the naive planes, pad bits included") {
  for_each_isa([](Isa isa) {
    CAPTURE(name(isa));
    for (const std::size_t n : {0, 1, 63, 64, 65, 511, 512, 513, 1500})
      for (unsigned bits = 1; bits <= 16; ++bits) {
        const std::vector<Word16> words = random_words<Word16>(n, bits);
        std::vector<Word64> planes(bits * plane_words(n), ~Word64{0}), expected(planes.size());
        to_planes(words, bits, planes);
        naive::to_planes(words, bits, expected);
        CHECK(planes == expected);
      }
  });
}

TEST_CASE("a plane crosses the wire and back, pad bits zero both ways") {
  for (const std::size_t n : {0, 1, 8, 9, 63, 64, 65, 513}) {
    CAPTURE(n);
    const std::vector<Word64> plane = random_words<Word64>(plane_words(n), 3);
    std::vector<std::uint8_t> bytes(packed_bytes(n, 1));
    pack_plane(plane, n, bytes);
    std::vector<Word64> back(plane_words(n), ~Word64{0});
    unpack_plane(bytes, n, back);
    for (std::size_t i = 0; i < back.size() * 64; ++i)
      REQUIRE(naive::plane_bit(back, i) == (i < n && naive::plane_bit(plane, i)));
    if (n % 8) CHECK((bytes.back() >> n % 8) == 0);
    if (n == 0) continue;
    bytes.back() = 0xFF;
    unpack_plane(bytes, n, back);
    for (std::size_t i = n; i < back.size() * 64; ++i) REQUIRE_FALSE(naive::plane_bit(back, i));
  }
}

TEST_CASE_TEMPLATE("select_by_plane takes each element from where its bit says, also in place", Word, Word16, Word32) {
  for_each_isa([](Isa isa) {
    CAPTURE(name(isa));
    for (const std::size_t n : {0, 1, 15, 16, 63, 64, 100, 1025}) {
      const std::vector<Word> ones = random_words<Word>(n, 1), zeros = random_words<Word>(n, 2);
      const std::vector<Word64> plane = random_words<Word64>(plane_words(n), 3);
      std::vector<Word> out(n), over = ones, expected(n);
      for (std::size_t i = 0; i < n; ++i) expected[i] = naive::plane_bit(plane, i) ? ones[i] : zeros[i];
      select_by_plane<Word>(plane, ones, zeros, out);
      CHECK(out == expected);
      select_by_plane<Word>(plane, over, zeros, over);
      CHECK(over == expected);
      over = zeros;
      select_by_plane<Word>(plane, ones, over, over);
      CHECK(over == expected);
    }
  });
}

TEST_CASE("two parties' shares of compare_digit open to the comparison of the digits") {
  for_each_isa([](Isa isa) {
    CAPTURE(name(isa));
    for (unsigned bits = 1; bits <= 4; ++bits)
      for (const std::size_t words : {1, 3, 8, 24}) {
        CAPTURE(bits);
        CAPTURE(words);
        const std::size_t n = words * 64, sets = (1u << bits) - 1;
        const std::vector<Word64> c = random_words<Word64>(bits * words, 1), r = random_words<Word64>(bits * words, 2);
        std::vector<Word64> products(sets * words);
        monomials(r.data(), bits, words, products.data());
        // Every pair of digits meets: the values are read off the planes and compared in the clear.
        std::vector<unsigned> c_values(n), r_values(n);
        for (std::size_t i = 0; i < n; ++i)
          for (unsigned j = 0; j < bits; ++j) {
            c_values[i] |= unsigned{naive::plane_bit(std::span(c).subspan(j * words), i)} << j;
            r_values[i] |= unsigned{naive::plane_bit(std::span(r).subspan(j * words), i)} << j;
          }
        std::vector<Word64> share = random_words<Word64>(products.size(), 3), other(products.size());
        for (std::size_t i = 0; i < products.size(); ++i) other[i] = share[i] ^ products[i];
        std::vector<Word64> less(words), equal(words), less_other(words), equal_other(words);
        compare_digit(c.data(), share.data(), bits, true, words, less.data(), equal.data());
        compare_digit(c.data(), other.data(), bits, false, words, less_other.data(), equal_other.data());
        const auto expected_less = std::make_unique<bool[]>(n), expected_equal = std::make_unique<bool[]>(n);
        naive::compare_digit(c_values, r_values, {expected_less.get(), n}, {expected_equal.get(), n});
        for (std::size_t i = 0; i < n; ++i) {
          REQUIRE((naive::plane_bit(less, i) != naive::plane_bit(less_other, i)) == expected_less[i]);
          REQUIRE((naive::plane_bit(equal, i) != naive::plane_bit(equal_other, i)) == expected_equal[i]);
          for (unsigned set = 1; set <= sets; ++set)
            REQUIRE(naive::plane_bit(std::span(products).subspan((set - 1) * words), i) ==
                    ((r_values[i] & set) == set));
        }
      }
  });
}

TEST_CASE("wrong plane sizes and digits are refused") {
  std::vector<Word16> words(100), shorter(99);
  std::vector<Word64> plane(plane_words(100));
  CHECK_THROWS_AS(to_planes(words, 2, plane), std::invalid_argument);
  CHECK_THROWS_AS(select_by_plane<Word16>(plane, words, words, shorter), std::invalid_argument);
  CHECK_THROWS_AS(monomials(plane.data(), 5, 1, plane.data()), std::invalid_argument);
  CHECK_THROWS_AS(compare_digit(plane.data(), plane.data(), 0, true, 1, plane.data(), plane.data()),
                  std::invalid_argument);
  std::vector<std::uint8_t> bytes(12);
  CHECK_THROWS_AS(pack_plane(plane, 100, bytes), std::invalid_argument);
  CHECK_THROWS_AS(unpack_plane(bytes, 100, plane), std::invalid_argument);
}

}  // namespace blindsight::tensor
