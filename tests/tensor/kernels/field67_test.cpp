#include "tensor/kernels/field67.h"

#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <random>
#include <stdexcept>

#include "tests/tensor/random_words.h"

namespace blindsight::tensor::field67 {
namespace {

constexpr std::size_t lengths[] = {0, 1, 7, 63, 64, 65, 100, 128, 200};
using Bytes = std::vector<std::uint8_t>;

Bytes below(unsigned bound, std::size_t n, std::mt19937_64& rng) {
  Bytes x(n);
  for (auto& b : x) b = static_cast<std::uint8_t>(rng() % bound);
  return x;
}

unsigned mod(int x) {
  return static_cast<unsigned>(((x % 67) + 67) % 67);
}

TEST_CASE("draws below a bound take every value from equally many bytes, and stop where they must") {
  for_each_isa([](Isa) {
    Bytes all(256);
    std::iota(all.begin(), all.end(), std::uint8_t{0});
    for (unsigned bound = 2; bound <= 128; ++bound) {
      Bytes out(256);
      const Drawn d = draw_below(all, bound, out);
      CHECK(d.bytes_used == 256);
      REQUIRE(d.values == 256 / bound * bound);
      std::array<unsigned, 128> counts{};
      for (std::size_t i = 0; i < d.values; ++i) ++counts[out[i]];
      for (unsigned v = 0; v < bound; ++v) REQUIRE(counts[v] == 256 / bound);
    }
    // Byte by byte the same: which bytes, and how many are used.
    std::mt19937_64 rng(5);
    for (const std::size_t wanted : {0u, 1u, 8u, 9u, 63u, 64u}) {
      const Bytes bytes = below(256, 200, rng);
      Bytes expected, out(wanted);
      std::size_t used = 0;
      for (; expected.size() < wanted; ++used)
        if ((bytes[used] * 67 & 255) >= 256 % 67) expected.push_back(static_cast<std::uint8_t>(bytes[used] * 67 >> 8));
      const Drawn d = draw_below(bytes, 67, out);
      CHECK(d.bytes_used == used);
      CHECK(d.values == wanted);
      CHECK(out == expected);
    }
  });
}

TEST_CASE("packing keeps seven bits of every byte in their order") {
  for_each_isa([](Isa) {
    std::mt19937_64 rng(6);
    for (const std::size_t n : lengths) {
      const Bytes in = below(128, 8 * n, rng);
      Bytes wire(7 * n), back(8 * n);
      pack(in, wire);
      for (std::size_t bit = 0; bit < 56 * n; ++bit)
        REQUIRE((wire[bit / 8] >> bit % 8 & 1) == (in[bit / 7] >> bit % 7 & 1));
      unpack(wire, back);
      CHECK(back == in);
    }
  });
}

TEST_CASE("second shares complete the first to the bits") {
  for_each_isa([](Isa) {
    std::mt19937_64 rng(7);
    for (const std::size_t n : lengths) {
      const auto words = random_words<Word64>(n, 8);
      const Bytes first = below(67, 64 * n, rng);
      Bytes second(64 * n);
      share_bits(words, first, second);
      for (unsigned i = 0; i < 64; ++i)
        for (std::size_t e = 0; e < n; ++e) {
          REQUIRE(second[i * n + e] < 67);
          REQUIRE((first[i * n + e] + second[i * n + e]) % 67 == (words[e] >> i & 1));
        }
    }
  });
}

TEST_CASE("shares of a comparison follow their formula") {
  for_each_isa([](Isa) {
    std::mt19937_64 rng(9);
    for (const std::size_t n : lengths)
      for (const bool constants : {false, true}) {
        const auto v = random_words<Word64>(n, 10);
        const Bytes x = below(67, 64 * n, rng), s = below(67, 64 * n, rng), z = below(67, 64 * n, rng),
                    beta = below(2, n, rng);
        Bytes d(64 * n);
        compare_share({x, v, beta, s, z, constants}, d);
        for (std::size_t e = 0; e < n; ++e) {
          int above = 0;
          for (unsigned i = 64; i-- > 0;) {
            const std::size_t at = i * n + e;
            const int xi = x[at], vi = static_cast<int>(v[e] >> i & 1), j = constants;
            const int c = (beta[e] ? xi - j * vi : j * vi - xi) + j + above;
            REQUIRE(d[at] == mod(s[at] * static_cast<int>(mod(c)) + z[at]));
            above += xi + j * vi - 2 * vi * xi;
          }
        }
      }
  });
}

TEST_CASE("the shuffle swaps as told, each element by its own places") {
  for_each_isa([](Isa) {
    std::mt19937_64 rng(11);
    for (const std::size_t n : lengths) {
      Bytes d(64 * n), places(63 * n);
      for (unsigned i = 0; i < 64; ++i)
        for (std::size_t e = 0; e < n; ++e) {
          d[i * n + e] = static_cast<std::uint8_t>(i);
          if (i > 0) places[(i - 1) * n + e] = static_cast<std::uint8_t>(rng() % (i + 1));
        }
      shuffle(places, n, d);
      for (std::size_t e = 0; e < n; ++e) {
        std::array<std::uint8_t, 64> expected;
        std::iota(expected.begin(), expected.end(), std::uint8_t{0});
        for (std::size_t i = 63; i > 0; --i) std::swap(expected[i], expected[places[(i - 1) * n + e]]);
        for (std::size_t i = 0; i < 64; ++i) REQUIRE(d[i * n + e] == expected[i]);
      }
    }
  });
}

TEST_CASE("zeros are found wherever they are") {
  for_each_isa([](Isa) {
    std::mt19937_64 rng(12);
    for (const std::size_t n : lengths) {
      const Bytes d0 = below(67, 64 * n, rng);
      Bytes d1(64 * n), found(n), expected(n);
      for (std::size_t at = 0; at < d1.size(); ++at)
        d1[at] = static_cast<std::uint8_t>(mod(static_cast<int>(1 + rng() % 66) - d0[at]));
      for (std::size_t e = 0; e < n; ++e) {
        expected[e] = rng() & 1;
        if (expected[e]) {
          const std::size_t at = rng() % 64 * n + e;
          d1[at] = static_cast<std::uint8_t>(mod(-static_cast<int>(d0[at])));
        }
      }
      any_zero(d0, d1, found);
      CHECK(found == expected);
    }
  });
}

TEST_CASE("sizes that do not fit each other are refused") {
  Bytes a(64), b(63);
  CHECK_THROWS_AS(pack(a, b), std::invalid_argument);
  CHECK_THROWS_AS(draw_below(a, 1, b), std::invalid_argument);
  CHECK_THROWS_AS(any_zero(a, b, std::span(a).first(1)), std::invalid_argument);
}

}  // namespace
}  // namespace blindsight::tensor::field67
