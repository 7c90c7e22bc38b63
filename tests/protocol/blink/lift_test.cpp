#include "protocol/blink/lift.h"

#include <doctest/doctest.h>

#include "tests/protocol/blink/positive_part.h"
#include "tests/protocol/support/ledger.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink {
namespace {

using protocol::testing::keys_from_seed;

constexpr Stream band{.pack = 1, .value = 2, .band = 3};

/// Every y with a top bit of 0, in every sharing mod 2^from.
std::array<Buffer<Word16>, 2> every_sharing(unsigned from) {
  const std::size_t sharings = std::size_t{1} << from;
  std::array<Buffer<Word16>, 2> y;
  for (std::size_t v = 0; v < sharings / 2; ++v)
    for (std::size_t s = 0; s < sharings; ++s) {
      y[0].push_back(static_cast<Word16>(s));
      y[1].push_back(static_cast<Word16>((v - s) % sharings));
    }
  return y;
}

TEST_CASE("the lift keeps every value whose top bit is 0, in every sharing, whoever gets the correction") {
  const auto producer = keys_from_seed(3, band.pack)[2];
  const Prg &p0 = producer->with(PartyId::server0), &p1 = producer->with(PartyId::server1);
  for (const PartyId receiver : {PartyId::server0, PartyId::server1})
    for (const LiftShape& widths : {LiftShape{0, 2, 3}, {0, 5, 17}, {0, 8, 24}, {0, 8, 32}}) {
      const unsigned from = widths.from, to = widths.to;
      CAPTURE(from);
      CAPTURE(to);
      auto y = every_sharing(from);
      const LiftShape shape{y[0].size(), from, to};
      Dealer dealer(p0, p1, band, receiver);
      deal_lift(dealer, shape);
      const Payload correction = dealer.take();
      CHECK(correction.size() == shape.correction_bytes());
      ShareSource s0(p0, band, receiver == PartyId::server0, correction),
          s1(p1, band, receiver == PartyId::server1, correction);
      LiftMaterial m0 = take_lift(s0, shape), m1 = take_lift(s1, shape);
      CHECK(m0.bytes() == shape.material_bytes());
      KnownSignLift first(std::move(m0), true), second(std::move(m1), false);
      const Payload to1 = first.begin(std::move(y[0])), to0 = second.begin(std::move(y[1]));
      CHECK(to1.size() == shape.online_bytes());
      const auto z0 = first.finish(to0), z1 = second.finish(to1);
      REQUIRE(z0);
      REQUIRE(z1);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < shape.n; ++i)
        wrong += (((*z0)[i] + (*z1)[i]) & tensor::low_mask<Word32>(to)) != i >> from;
      CHECK(wrong == 0);
    }
}

TEST_CASE("the lift's mask hides the top bits that leave, and serves once") {
  protocol::testing::Ledger ledger(3);
  const auto keys = keys_from_seed(3, band.pack, &ledger);
  const Prg& prg = keys[0]->with(PartyId::producer);
  const LiftShape shape{100, 12, 24};
  for (const std::size_t overlaps : {0, 1}) {
    ShareSource source(prg, band, false, {});
    const LiftMaterial m = take_lift(source, shape);
    CHECK(ledger.overlaps == overlaps);
    KnownSignLift lift(m, true);
    Buffer<Word16> y(100);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = i % 3 ? 0x800 : 0x7FF;
    const Payload sent = lift.begin(y);
    for (std::size_t i = 0; i < y.size(); ++i)
      CHECK((sent[i / 8] >> i % 8 & 1) == ((m.mask[i / 64] >> i % 64 & 1) ^ (i % 3 != 0)));
  }
}

TEST_CASE("top bits of the wrong length are refused") {
  const Prg prg(Key({3}));
  ShareSource source(prg, band, false, {});
  KnownSignLift lift(take_lift(source, {100, 12, 24}), true);
  lift.begin(Buffer<Word16>(100, 7));
  for (const std::size_t bytes : {0, 12, 14}) CHECK_FALSE(lift.finish(Payload(bytes, 0)));
  CHECK(lift.finish(Payload(13, 0)));
}

}  // namespace
}  // namespace blindsight::protocol::blink
