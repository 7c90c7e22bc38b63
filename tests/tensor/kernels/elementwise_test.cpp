#include "tensor/kernels/elementwise.h"

#include <doctest/doctest.h>

#include <random>
#include <stdexcept>

#include "tensor/kernels/bit_planes.h"
#include "tensor/kernels/isa.h"

namespace blindsight::tensor {
namespace {

constexpr std::size_t lengths[] = {0, 1, 15, 16, 17, 63, 64, 65, 200, 1000};

template <class Word>
Buffer<Word> random_words(std::size_t n, std::mt19937_64& rng) {
  Buffer<Word> x(n);
  for (auto& w : x) w = static_cast<Word>(rng());
  return x;
}

unsigned bit(const Buffer<Word64>& plane, std::size_t i) {
  return plane[i / 64] >> (i % 64) & 1;
}

template <class Body>
void on_every_isa(const Body& body) {
  const Isa before = active_isa();
  for (const Isa isa : available_isas()) {
    use_isa(isa);
    CAPTURE(name(isa));
    std::mt19937_64 rng(17);
    for (const std::size_t n : lengths) body(n, rng);
  }
  use_isa(before);
}

template <class Word>
void check_ring() {
  on_every_isa([](std::size_t n, std::mt19937_64& rng) {
    for (unsigned bits = 1; bits <= sizeof(Word) * 8; ++bits) {
      const auto a = random_words<Word>(n, rng), b = random_words<Word>(n, rng);
      Buffer<Word> sum(n), difference(n), kept(a);
      add<Word>(a, b, bits, sum);
      subtract<Word>(a, b, bits, difference);
      cut<Word>(kept, bits);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const auto mod = [&](std::uint64_t v) { return static_cast<Word>(v & low_mask<std::uint64_t>(bits)); };
        wrong += sum[i] != mod(std::uint64_t{a[i]} + b[i]) || difference[i] != mod(std::uint64_t{a[i]} - b[i]) ||
                 kept[i] != mod(a[i]);
      }
      REQUIRE(wrong == 0);
    }
  });
}

TEST_CASE("adding, subtracting and cutting match plain arithmetic at every width") {
  check_ring<Word16>();
  check_ring<Word32>();
}

TEST_CASE("shifting down rounds down, or up, inside the ring") {
  on_every_isa([](std::size_t n, std::mt19937_64& rng) {
    for (const auto& [ring, shift] : {std::pair{24u, 12u}, {25u, 12u}, {16u, 0u}, {32u, 16u}, {13u, 12u}}) {
      const auto x = random_words<Word32>(n, rng);
      Buffer<Word16> down(n), up(n);
      shift_down(x, ring, shift, false, down);
      shift_down(x, ring, shift, true, up);
      const std::uint64_t m = low_mask<std::uint64_t>(ring);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < n; ++i)
        wrong += down[i] != (x[i] & m) >> shift ||
                 up[i] != ((0 - (((0 - std::uint64_t{x[i]}) & m) >> shift)) & low_mask<std::uint64_t>(ring - shift));
      REQUIRE(wrong == 0);
    }
  });
  Buffer<Word32> x(4);
  Buffer<Word16> out(4);
  CHECK_THROWS_AS(shift_down(x, 24, 4, false, out), std::invalid_argument);
}

TEST_CASE("the multiplex matches its formula, with and without upper bits") {
  on_every_isa([](std::size_t n, std::mt19937_64& rng) {
    for (const unsigned width : {3u, 11u, 12u, 15u})
      for (const bool extended : {false, true})
        for (const bool with_c : {false, true}) {
          const auto c = random_words<Word16>(n, rng), r = random_words<Word16>(n, rng),
                     b = random_words<Word16>(n, rng), br = random_words<Word16>(n, rng),
                     h0 = random_words<Word16>(n, rng), h1 = random_words<Word16>(n, rng),
                     h2 = random_words<Word16>(n, rng);
          const auto d = random_words<Word64>(plane_words(n), rng);
          const Multiplex::High high{h0, h1, h2};
          Buffer<Word16> out(n);
          multiplex({d, c, r, b, br, extended ? &high : nullptr, width, with_c}, out);
          std::size_t wrong = 0;
          for (std::size_t i = 0; i < n; ++i) {
            const std::uint32_t not_top = ~(std::uint32_t{c[i]} >> (width - 1)) & 1;
            std::uint32_t bx = std::uint32_t{c[i]} * b[i] - br[i], x = (with_c ? c[i] : 0u) - r[i];
            if (extended) bx += (not_top * h2[i]) << width, x += (h0[i] + not_top * h1[i]) << width;
            wrong += out[i] != static_cast<Word16>(bit(d, i) ? x - bx : bx);
          }
          REQUIRE(wrong == 0);
        }
  });
}

TEST_CASE("the removal of wraps matches its formula") {
  on_every_isa([](std::size_t n, std::mt19937_64& rng) {
    for (const auto& [from, to] : {std::pair{12u, 24u}, {13u, 25u}, {1u, 2u}, {16u, 32u}})
      for (const bool with_ab : {false, true}) {
        const auto y = random_words<Word16>(n, rng);
        const auto p = random_words<Word32>(n, rng);
        const auto a = random_words<Word64>(plane_words(n), rng), b = random_words<Word64>(plane_words(n), rng),
                   m = random_words<Word64>(plane_words(n), rng);
        Buffer<Word32> out(n);
        remove_wraps({y, a, b, m, p, from, to, with_ab}, out);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < n; ++i) {
          const std::int64_t va = bit(a, i), vb = bit(b, i), vm = bit(m, i);
          const std::int64_t product = (1 - 2 * va) * (1 - 2 * vb) * static_cast<std::int64_t>(p[i]) +
                                       vb * (1 - 2 * va) * vm + (with_ab ? va * vb : 0);
          const std::int64_t w = (va ^ vm) - product;
          const std::int64_t value =
              static_cast<std::int64_t>(y[i] & low_mask<std::uint64_t>(from)) - (w * (std::int64_t{1} << from));
          wrong += out[i] != (static_cast<std::uint64_t>(value) & low_mask<std::uint64_t>(to));
        }
        REQUIRE(wrong == 0);
      }
  });
}

}  // namespace
}  // namespace blindsight::tensor
