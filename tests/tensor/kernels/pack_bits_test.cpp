#include "tensor/kernels/pack_bits.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "../random_words.h"
#include "tensor/kernels/naive/naive.h"

namespace blindsight::tensor {

TEST_CASE_TEMPLATE("packing and unpacking equal the naive bit stream at every width and length", Word, Word16, Word32,
                   Word64) {
  for_each_isa([](Isa isa) {
    CAPTURE(name(isa));
    for (unsigned bits = 1; bits <= sizeof(Word) * 8; ++bits)
      for (const std::size_t n : {0, 1, 7, 63, 64, 65, 200, 1000}) {
        CAPTURE(bits);
        CAPTURE(n);
        const std::vector<Word> words = random_words<Word>(n, bits);
        std::vector<std::uint8_t> expected(packed_bytes(n, bits)), packed(expected.size(), 0xAA);
        naive::pack_bits<Word>(words, bits, expected);
        pack_bits<Word>(words, bits, packed);
        CHECK(packed == expected);
        std::vector<Word> back(n, 1), expected_back(n);
        naive::unpack_bits<Word>(expected, bits, expected_back);
        unpack_bits<Word>(expected, bits, back);
        CHECK(back == expected_back);
        for (std::size_t i = 0; i < n; ++i) REQUIRE(back[i] == (words[i] & low_mask<Word>(bits)));
      }
  });
}

TEST_CASE("packing touches no byte outside what it was given") {
  for_each_isa([](Isa) {
    const std::vector<Word32> words = random_words<Word32>(131, 1);
    std::vector<std::uint8_t> bytes(packed_bytes(131, 24) + 2, 0x5A);
    pack_bits<Word32>(words, 24, std::span(bytes).subspan(1, bytes.size() - 2));
    CHECK(bytes.front() == 0x5A);
    CHECK(bytes.back() == 0x5A);
    std::vector<Word32> out(133, 7);
    unpack_bits<Word32>(std::span<const std::uint8_t>(bytes).subspan(1), 24, std::span(out).subspan(1, 131));
    CHECK(out.front() == 7);
    CHECK(out.back() == 7);
    CHECK(out[131] == (words[130] & 0xFFFFFF));
  });
}

TEST_CASE("wrong lengths and widths are refused") {
  std::vector<Word16> words(10);
  std::vector<std::uint8_t> bytes(15);
  CHECK_THROWS_AS(pack_bits<Word16>(words, 11, bytes), std::invalid_argument);
  CHECK_THROWS_AS(pack_bits<Word16>(words, 0, bytes), std::invalid_argument);
  CHECK_THROWS_AS(pack_bits<Word16>(words, 17, bytes), std::invalid_argument);
  CHECK_THROWS_AS(unpack_bits<Word16>(bytes, 13, words), std::invalid_argument);
}

}  // namespace blindsight::tensor
