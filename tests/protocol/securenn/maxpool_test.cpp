#include "protocol/securenn/maxpool.h"

#include <doctest/doctest.h>

#include <map>

#include "tests/protocol/securenn/three_routines.h"
#include "tests/protocol/support/ledger.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;
using protocol::testing::Ledger;
constexpr std::int64_t bound = std::int64_t{1} << 62;

std::vector<std::int64_t> pooled(ThreeRoutines& parties, const std::vector<std::vector<std::int64_t>>& candidates,
                                 std::uint8_t first, std::uint8_t& next) {
  const std::size_t n = candidates.front().size();
  std::vector<std::int64_t> all;
  for (const auto& c : candidates) all.insert(all.end(), c.begin(), c.end());
  std::array<std::uint8_t, 3> level{first, first, first};
  struct Part {
    static Routine<Buffer<Word64>> of_server(Channel& channel, const Server& server, Buffer<Word64> share,
                                             std::size_t each, std::uint8_t& at) {
      std::vector<Buffer<Word64>> bands;
      for (std::size_t begin = 0; begin < share.size(); begin += each)
        bands.emplace_back(share.begin() + static_cast<std::ptrdiff_t>(begin),
                           share.begin() + static_cast<std::ptrdiff_t>(begin + each));
      Buffer<Word64> largest = co_await max_pool(channel, server, std::move(bands), at);
      co_return largest;
    }
  };
  const auto result = parties.run(
      shares_of(all, 9),
      [&](Channel& c, const Server& s, Buffer<Word64> x) {
        return Part::of_server(c, s, std::move(x), n, level[static_cast<unsigned>(s.self)]);
      },
      [&](Channel& c, const Helper& h) { return help_max_pool(c, h, candidates.size(), n, level[2]); });
  CHECK(level[0] == level[1]);
  CHECK(level[0] == level[2]);
  next = level[0];
  return revealed(result);
}

TEST_CASE("SecureNN's max pool finds the largest of any number of candidates, in as many levels as a tree has") {
  const std::map<std::size_t, unsigned> levels{{1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {9, 4}};
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent})
    for (const auto& level : levels) {
      const auto count = level.first;
      const unsigned depth = level.second;
      CAPTURE(count);
      Ledger ledger(1);
      ThreeRoutines parties(randomness, 1, &ledger);
      std::vector<std::vector<std::int64_t>> candidates;
      for (std::size_t c = 0; c < count; ++c) candidates.push_back(values(400, bound / 2, 20 + c));
      std::vector<std::int64_t> expected = candidates.front();
      for (const auto& c : candidates)
        for (std::size_t i = 0; i < c.size(); ++i) expected[i] = std::max(expected[i], c[i]);
      std::uint8_t next = 0;
      CHECK(pooled(parties, candidates, 6, next) == expected);
      CHECK(next == 6 + depth);
      CHECK(parties.cost() == max_pool_cost(randomness, count, 400));
      CHECK(parties.cost().rounds == 9 * depth);
      // Masks of shares and refreshed comparisons: seeded 2 (1 + 1 + 4) + 2 a level; sent, the producer's have no
      // stream.
      CHECK(ledger.uses == depth * (randomness == Randomness::seeded ? 14 : 4));
      CHECK(ledger.overlaps == 0);
      CHECK((ledger.own_draws > 0) == (randomness == Randomness::sent && depth > 0));
      CHECK(ledger.own_overlaps == 0);
      for (unsigned j = 0; j < 2; ++j) {
        CHECK_FALSE(parties.common[j].drew_twice());
        CHECK_FALSE(parties.with_producer[j].drew_twice());
      }
    }
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
