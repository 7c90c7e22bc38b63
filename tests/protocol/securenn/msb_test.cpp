#include "protocol/securenn/msb.h"

#include <doctest/doctest.h>

#include <random>

#include "tests/protocol/securenn/three_routines.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;
constexpr Word64 top = ~Word64{0};
constexpr std::uint8_t level = 4;

/// The producer deals the material and answers the comparison; both are messages of its own.
Routine<> deal_and_help(Channel& channel, const Helper& helper, std::size_t n) {
  beaver::Dealer dealer(helper.keys, helper.band);
  deal_msb(dealer, level, n);
  send_dealt(channel, dealer);
  co_await help_msb(channel, helper, n, level);
}

Routine<Buffer<Word64>> take_and_find(Channel& channel, const Server& server, Buffer<Word64> share) {
  const std::size_t n = share.size();
  const Payload dealt =
      co_await receive_dealt(channel, msb_material_bytes(server.randomness, server.self, n), "material");
  beaver::ShareSource source = server.source(dealt);
  MsbMaterial material = take_msb(source, level, n);
  Buffer<Word64> bits = co_await msb(channel, server, std::move(material), std::move(share), level);
  co_return bits;
}

TEST_CASE("shares in the odd ring become shares of the top bit, for every edge, sharing and flip") {
  std::mt19937_64 rng(1);
  std::vector<Word64> edges{0, 1, 2, top / 2, top / 2 - 1, top / 2 + 1, top / 2 + 2, top - 1, top - 2};
  while (edges.size() < 40) edges.push_back(rng() % top);
  std::array<Buffer<Word64>, 2> shares;
  std::vector<std::int64_t> expected;
  for (const Word64 a : edges)
    for (const Word64 first : {Word64{0}, Word64{1}, top - 1, top / 2, a, rng() % top}) {
      shares[0].push_back(first), shares[1].push_back(odd_ring::subtract(a, first));
      expected.push_back(static_cast<std::int64_t>(a >> 63));
    }
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent})
    for (const int flip : {-1, 0, 1}) {
      CAPTURE(flip);
      ThreeRoutines parties(randomness, 2);
      if (flip >= 0)
        for (Planted& p : parties.common) p.plant(Field::msb_flip, flip ? 0x0101010101010101 : 0);
      const std::size_t n = expected.size();
      const auto found =
          parties.run(shares, take_and_find, [n](Channel& c, const Helper& h) { return deal_and_help(c, h, n); });
      CHECK(revealed(found) == expected);
      CHECK(parties.cost().rounds == 1 + 4);  // the material comes first
      CHECK(parties.cost().server_to_producer == 2 * bits_bytes(n));
      CHECK(parties.cost().server0_to_server1 == 3 * n * sizeof(Word64));  // r and two factors
    }
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
