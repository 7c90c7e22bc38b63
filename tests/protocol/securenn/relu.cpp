#include "protocol/securenn/relu.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <stdexcept>

#include "protocol/securenn/maxpool.h"
#include "protocol/securenn/truncate.h"
#include "tensor/kernels/isa.h"
#include "tests/protocol/securenn/three_routines.h"
#include "tests/protocol/support/ledger.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;
using protocol::testing::Ledger;
constexpr std::int64_t bound = std::int64_t{1} << 62;

/// Edges of the range, powers of two with their neighbours, and random values of all sizes.
std::vector<std::int64_t> values(std::size_t n, std::int64_t limit, std::uint64_t seed) {
  std::vector<std::int64_t> v{0, 1, -1, 2, -2, limit - 1, limit - 2, -limit, 1 - limit};
  for (int k = 2; std::int64_t{1} << k < limit; ++k)
    for (const int d : {-1, 0, 1})
      for (const int sign : {-1, 1}) v.push_back(sign * ((std::int64_t{1} << k) + d));
  std::mt19937_64 rng(seed);
  while (v.size() < n)
    v.push_back(static_cast<std::int64_t>(rng() % static_cast<Word64>(limit) >> rng() % 62) * (rng() & 1 ? 1 : -1));
  std::shuffle(v.begin(), v.end(), rng);
  v.resize(n);
  return v;
}

std::vector<std::int64_t> positive(std::vector<std::int64_t> v) {
  for (std::int64_t& x : v) x = std::max<std::int64_t>(x, 0);
  return v;
}

TEST_CASE("SecureNN's ReLU is exact on its whole range, for any number of elements") {
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent})
    for (const std::size_t n : {1u, 2u, 63u, 64u, 65u, 500u, 3000u}) {
      CAPTURE(n);
      ThreeRoutines parties(randomness, n);
      const auto v = values(n, bound, n);
      CHECK(revealed(parties.relu(shares_of(v, n))) == positive(v));
    }
  ThreeRoutines parties(Randomness::seeded);
  CHECK(revealed(parties.relu({})).empty());
  CHECK(parties.transcript().empty());
}

TEST_CASE("SecureNN's ReLU sends the same bytes on every instruction set") {
  const auto v = values(200, bound, 3);
  std::vector<std::vector<Payload>> sent;
  const tensor::Isa before = tensor::active_isa();
  for (const tensor::Isa isa : tensor::available_isas()) {
    tensor::use_isa(isa);
    ThreeRoutines parties(Randomness::sent);
    CHECK(revealed(parties.relu(shares_of(v, 4))) == positive(v));
    sent.emplace_back();
    for (const Message& m : parties.transcript()) sent.back().push_back(m.payload);
    CHECK(sent.back() == sent.front());
  }
  tensor::use_isa(before);
}

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
    for (const auto& [count, depth] : levels) {
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

TEST_CASE("a mask that is used for two comparisons is noticed") {
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) {
    Ledger ledger(1);
    ThreeRoutines parties(randomness, 1, &ledger);
    const auto v = values(10, bound, 3);
    parties.relu(shares_of(v, 4), 2);
    parties.relu(shares_of(v, 4), 3);
    CHECK(ledger.overlaps + ledger.own_overlaps == 0);
    CHECK_FALSE(parties.common[0].drew_twice());
    parties.relu(shares_of(v, 4), 2);
    CHECK(ledger.overlaps > 0);
    CHECK((ledger.own_overlaps > 0) == (randomness == Randomness::sent));
    CHECK(parties.common[0].drew_twice());
  }
}

TEST_CASE("SecureNN's ReLU sends what is declared: 3840 bits an element seeded, 5760 sent, in nine rounds") {
  for (const std::size_t n : {1u, 64u, 100u}) {
    const auto v = values(n, bound, 5);
    for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) {
      ThreeRoutines parties(randomness);
      parties.relu(shares_of(v, 6));
      const Cost& c = parties.cost();
      CHECK(c == relu_cost(randomness, n));
      CHECK(c.rounds == 9);
      const bool seeded = randomness == Randomness::seeded;
      // The table in docs/protocols/securenn.md, "Cost": P0 ↔ P1, to P2, from P2.
      CHECK(8 * (c.server0_to_server1 + c.server1_to_server0) == 640 * n);
      CHECK(8 * c.server_to_producer == 1920 * n);
      CHECK(8 * (c.producer_to_server0 + c.producer_to_server1) == (seeded ? 1280 : 3200) * n);
      CHECK((c.producer_to_server0 == 0) == seeded);
    }
  }
}

TEST_CASE("a message of a wrong length ends SecureNN's ReLU with an error that names sender and content") {
  const auto v = values(70, bound, 5);
  std::size_t messages = 0;
  {
    ThreeRoutines parties(Randomness::sent);
    parties.relu(shares_of(v, 6));
    messages = parties.transcript().size();
  }
  CHECK(messages == 20);
  for (std::size_t which = 0; which < messages; ++which) {
    ThreeRoutines parties(Randomness::sent);
    std::size_t at = 0;
    std::string sender;
    parties.tamper = [&](Message& m) {
      if (at++ != which) return;
      m.payload.pop_back();
      sender = name(m.from);
    };
    try {
      parties.relu(shares_of(v, 6));
      FAIL("not refused");
    } catch (const std::runtime_error& e) {
      CAPTURE(e.what());
      CHECK(std::string(e.what()).find(sender) != std::string::npos);
      CHECK(std::string(e.what()).find("awaited") != std::string::npos);
    }
  }
}

TEST_CASE("SecureNN's truncation is floor or one more, and fails as often as it states") {
  constexpr std::size_t n = 1 << 20;
  for (const std::int64_t a :
       {std::int64_t{1} << 54, -(std::int64_t{1} << 54), std::int64_t{123456789}, std::int64_t{-5}}) {
    const std::vector<std::int64_t> v(n, a);
    auto shares = shares_of(v, 11);
    truncate(PartyId::server0, 13, shares[0]);
    truncate(PartyId::server1, 13, shares[1]);
    std::size_t failed = 0;
    bool far = true;
    for (const std::int64_t y : revealed(shares)) {
      const std::int64_t error = y - (a >> 13);
      if (error == 0 || error == 1) continue;
      ++failed;
      far &= std::abs(std::abs(error) - (std::int64_t{1} << 51)) <= 1;
    }
    CHECK(far);
    // 2^20 · 2^-10 = 1024 expected, deviation 32; for the small values 2^20 · 2^-37.
    if (std::abs(a) >> 54)
      CHECK(std::abs(static_cast<double>(failed) - 1024) < 160);
    else
      CHECK(failed == 0);
  }
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
