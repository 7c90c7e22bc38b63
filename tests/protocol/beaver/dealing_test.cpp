#include "protocol/beaver/dealing.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "tests/protocol/support/ledger.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::beaver {
namespace {

using Randomness = Dealing::Randomness;
using tensor::Word128;
using tensor::Word64;
using testing::keys_from_seed;

constexpr Stream band{.pack = 3, .value = 2, .band = 1};
constexpr Slot drawn_slot{20, 1}, given_slot{21, 2};

template <class Word>
Buffer<Word> given(std::size_t n) {
  Buffer<Word> value(n);
  for (std::size_t i = 0; i < n; ++i) value[i] = Word{0} - Word{1} - i;
  return value;
}

template <class Word>
void add(Buffer<Word>& sum, const Buffer<Word>& share) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += share[i];
}

TEST_CASE_TEMPLATE("both servers' shares add up to what was drawn and what was dealt, and messages are as long as said",
                   Word, Word64, Word128) {
  constexpr std::size_t n = 70;
  const auto keys = keys_from_seed(1, band.pack);
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) {
    const ShareKeys share_keys(keys[2], randomness);
    Dealer dealer(share_keys, band);
    const Buffer<Word> drawn = dealer.random<Word>(drawn_slot, n);
    dealer.deal<Word>(given_slot, given<Word>(n));
    Buffer<Word> drawn_sum(n, 0), given_sum(n, 0);
    for (const PartyId self : {PartyId::server0, PartyId::server1}) {
      const Payload message = dealer.take(self);
      CHECK(message.size() ==
            random_bytes_sent(randomness, n * sizeof(Word)) + dealt_bytes_sent(randomness, self, n * sizeof(Word)));
      ShareSource source(keys[static_cast<unsigned>(self)]->with(PartyId::producer), self, randomness, band, message);
      add(drawn_sum, source.random<Word>(drawn_slot, n));
      add(given_sum, source.dealt<Word>(given_slot, n));
      if (!message.empty()) CHECK_THROWS_AS(source.take(1), std::logic_error);
    }
    CHECK(drawn_sum == drawn);
    CHECK(given_sum == given<Word>(n));
  }
}

TEST_CASE("shares that are sent come from the producer's own keys, one for each server") {
  const auto keys = keys_from_seed(1, band.pack);
  const ShareKeys sent(keys[2], Randomness::sent), seeded(keys[2], Randomness::seeded);
  std::vector<Buffer<Word64>> shares;
  for (const Prg* prg : {&sent.of(PartyId::server0), &sent.of(PartyId::server1), &seeded.of(PartyId::server0),
                         &seeded.of(PartyId::server1), &keys[2]->own()}) {
    shares.emplace_back(4);
    prg->words<Word64>(band, 0, shares.back());
  }
  for (std::size_t i = 0; i < shares.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(shares[i] != shares[j]);
  Buffer<Word64> server(4);
  keys[0]->with(PartyId::producer).words<Word64>(band, 0, server);
  CHECK(shares[2] == server);
}

TEST_CASE("slots have streams of their own, and a mask that has a stream is told to the ledger") {
  testing::Ledger ledger(1);
  const auto keys = keys_from_seed(1, band.pack, &ledger);
  const Prg& prg = keys[0]->with(PartyId::producer);
  ShareSource seeded(prg, PartyId::server0, Randomness::seeded, band, {});
  ShareSource sent(prg, PartyId::server0, Randomness::sent, band, {});
  CHECK(seeded.stream({20, 1}) == Stream{.pack = 3, .value = 2, .band = 1, .kind = 20, .level = 1});
  CHECK(seeded.random<Word64>({20, 1}, 4) != seeded.random<Word64>({20, 2}, 4));
  CHECK(seeded.random<Word64>({20, 1}, 4) != seeded.random<Word64>({21, 1}, 4));
  seeded.note_opened({20, 1}, 32);
  sent.note_opened({20, 1}, 32);
  CHECK(ledger.bytes_opened == 32);
  CHECK(ledger.overlaps == 0);
  seeded.note_opened({20, 1}, 1);
  CHECK(ledger.overlaps == 1);
}

TEST_CASE("words cross as bytes of any alignment") {
  const Buffer<Word128> words{1, Word128{2} << 64 | 3};
  Payload bytes = to_payload<Word128>(words);
  CHECK(bytes.size() == 32);
  CHECK(bytes[0] == 1);
  CHECK(bytes[24] == 2);
  bytes.insert(bytes.begin(), 7);
  CHECK(to_words<Word128>(std::span(bytes).subspan(1)) == words);
}

Routine<> deal_to(Channel& channel, Dealer& dealer) {
  send_dealt(channel, dealer);
  co_return;
}

Routine<> await_nothing(Channel& channel, bool& empty) {
  const Payload message = co_await receive_dealt(channel, 0, "nothing");
  empty = message.empty();
}

TEST_CASE("a message without bytes is not sent, and not awaited") {
  const auto keys = keys_from_seed(1, band.pack);
  const ShareKeys share_keys(keys[2], Randomness::seeded);
  Dealer dealer(share_keys, band);
  dealer.deal<Word64>(given_slot, given<Word64>(3));
  RoutineStep producer("producer", [&](Channel& channel) { return deal_to(channel, dealer); });
  const auto progress = producer.begin();
  REQUIRE(progress);
  REQUIRE(progress->outbound.size() == 1);
  CHECK(progress->outbound[0].to == correction_receiver);
  CHECK(progress->outbound[0].payload.size() == 24);
  bool empty = false;
  RoutineStep server("server", [&](Channel& channel) { return await_nothing(channel, empty); });
  const auto done = server.begin();
  REQUIRE(done);
  CHECK(done->done);
  CHECK(empty);
}

}  // namespace
}  // namespace blindsight::protocol::beaver
