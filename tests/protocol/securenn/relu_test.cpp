#include "protocol/securenn/relu.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "tensor/kernels/isa.h"
#include "tests/protocol/securenn/three_routines.h"
#include "tests/protocol/support/ledger.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;
using protocol::testing::Ledger;
constexpr std::int64_t bound = std::int64_t{1} << 62;

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

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
