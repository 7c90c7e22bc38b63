#include "protocol/securenn/share_convert.h"

#include <doctest/doctest.h>

#include <random>

#include "tests/protocol/securenn/three_routines.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;
constexpr Word64 top = ~Word64{0};

std::array<Buffer<Word64>, 2> converted(ThreeRoutines& parties, const std::array<Buffer<Word64>, 2>& shares) {
  struct Part {
    static Routine<Buffer<Word64>> of_server(Channel& channel, const Server& server, Buffer<Word64> share) {
      ShareConversion conversion(channel, server, std::move(share), 4);
      Buffer<Word64> y = co_await conversion.finish(channel);
      co_return y;
    }
  };
  const std::size_t n = shares[0].size();
  return parties.run(shares, &Part::of_server,
                     [n](Channel& c, const Helper& h) { return help_share_convert(c, h, n, 4); });
}

TEST_CASE("share convert keeps every value but 2^64 - 1, whatever its shares and masks, r = 0 among them") {
  std::mt19937_64 rng(2);
  const Word64 edges[] = {0, 1, 2, top - 1, top - 2, top / 2, top / 2 + 1, 0x123456789abcdef0};
  std::array<Buffer<Word64>, 2> shares;
  Buffer<Word64> expected;
  for (const Word64 a : edges)
    for (const Word64 first : {Word64{0}, Word64{1}, top, top - 1, top / 2, a, a + 1, rng(), rng()}) {
      shares[0].push_back(first), shares[1].push_back(a - first);
      expected.push_back(a);
    }
  // r_0 and r_1: drawn, both 0, and pairs whose sum is 0 with a wrap, 1 or 2^64 - 1.
  const std::vector<std::array<Word64, 2>> masks{{0, 0},   {5, 0 - Word64{5}}, {top, 1},  {0, 1},
                                                 {top, 2}, {0, top},           {top, top}};
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent})
    for (std::size_t m = 0; m <= masks.size(); ++m)
      for (const int flip : {-1, 0, 1}) {
        CAPTURE(m);
        CAPTURE(flip);
        ThreeRoutines parties(randomness, 3);
        for (Planted& p : parties.common) {
          if (m < masks.size()) p.plant(Field::convert_mask0, masks[m][0]), p.plant(Field::convert_mask1, masks[m][1]);
          if (flip >= 0) p.plant(Field::convert_flip, flip ? 0x0101010101010101 : 0);
        }
        const auto y = converted(parties, shares);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < expected.size(); ++i)
          wrong += y[0][i] == top || y[1][i] == top || odd_ring::add(y[0][i], y[1][i]) != expected[i];
        CHECK(wrong == 0);
        CHECK(parties.cost().rounds == 4);
      }
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
