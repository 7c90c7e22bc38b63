#include "protocol/securenn/product.h"

#include <doctest/doctest.h>

#include "tests/protocol/securenn/three_routines.h"
#include "tests/protocol/support/ledger.h"
#include "tests/protocol/support/two_servers.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;
using protocol::testing::TwoServers;

TEST_CASE("a product of shares is the product, with one message of two words an element each way") {
  const auto x = values(300, std::int64_t{1} << 62, 1), y = values(300, std::int64_t{1} << 62, 2);
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) {
    const ThreeRoutines parties(randomness);
    beaver::Dealer dealer(parties.helper().keys, parties.helper().band);
    deal_triple(dealer, relu_product, 3, x.size());
    auto shares = shares_of(x, 3);
    const auto factors = shares_of(y, 4);
    std::array<Payload, 2> dealt;
    const auto part = [&](unsigned j) {
      return [&, j](Channel& channel) -> Routine<> {
        const Server& server = parties.server(j);
        beaver::ShareSource source = server.source(dealt[j]);
        Triple triple = take_triple(source, relu_product, 3, x.size());
        shares[j] = co_await multiply(channel, server, std::move(triple), std::move(shares[j]), factors[j]);
      };
    };
    for (unsigned j = 0; j < 2; ++j) {
      dealt[j] = dealer.take(parties.server(j).self);
      CHECK(dealt[j].size() == triple_bytes(randomness, parties.server(j).self, x.size()));
    }
    TwoServers servers;
    const auto server0 = part(0), server1 = part(1);
    servers.run(server0, server1);
    CHECK(servers.rounds == 1);
    CHECK(servers.sent[0].at(0).size() == 2 * x.size() * sizeof(Word64));
    const auto product = revealed(shares);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      wrong += static_cast<Word64>(product[i]) != static_cast<Word64>(x[i]) * static_cast<Word64>(y[i]);
    CHECK(wrong == 0);
  }
}

TEST_CASE("both masks of a triple are noted as opened, and a triple that serves two products is noticed") {
  protocol::testing::Ledger ledger(1);
  const ThreeRoutines parties(Randomness::seeded, 1, &ledger);
  const auto take = [&](std::uint8_t level) {
    beaver::ShareSource source = parties.server(0).source({});
    take_triple(source, relu_product, level, 10);
  };
  take(1);
  take(2);
  CHECK(ledger.bytes_opened == 2 * 2 * 10 * sizeof(Word64));
  CHECK(ledger.overlaps == 0);
  take(2);
  CHECK(ledger.overlaps == 2);
}

TEST_CASE("a refreshed sharing holds the same value in other shares") {
  const ThreeRoutines parties(Randomness::seeded);
  const auto x = values(50, std::int64_t{1} << 62, 1);
  const auto before = shares_of(x, 2);
  auto after = before;
  for (unsigned j = 0; j < 2; ++j) refresh(parties.server(j), Field::relu_zero, 1, after[j]);
  CHECK(revealed(after) == x);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < x.size(); ++i) kept += after[0][i] == before[0][i];
  CHECK(kept == 0);
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
