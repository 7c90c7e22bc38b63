#include "tests/protocol/blink/positive_part.h"

#include <doctest/doctest.h>

#include "protocol/blink/compare.h"
#include "protocol/blink/lift.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink::testing {

void check_positive_part(unsigned k, unsigned summed, unsigned lifted, PartyId receiver) {
  const std::size_t n = std::size_t{1} << (2 * k);
  const auto producer = protocol::testing::keys_from_seed(k * 100 + summed, 1)[2];
  const Prg &p0 = producer->with(PartyId::server0), &p1 = producer->with(PartyId::server1), &own = producer->own();
  const CompareShape shape{n, k, summed};
  const LiftShape lift_shape{n, summed, lifted};
  Dealer dealer(p0, p1, {.pack = 1}, receiver);
  deal_compare(dealer, own, shape, 0);
  if (lifted) deal_lift(dealer, lift_shape);
  const Payload correction = dealer.take();
  REQUIRE(correction.size() == shape.correction_bytes() + (lifted ? lift_shape.correction_bytes() : 0));
  std::array<Buffer<Word16>, 2> x{Buffer<Word16>(n), Buffer<Word16>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    x[0][i] = static_cast<Word16>(i >> k);
    x[1][i] = static_cast<Word16>(i - (i >> k));
  }
  ShareSource s0(p0, {.pack = 1}, receiver == PartyId::server0, correction),
      s1(p1, {.pack = 1}, receiver == PartyId::server1, correction);
  PositivePart a(take_compare(s0, shape, 0), true), b(take_compare(s1, shape, 0), false);
  std::optional<Payload> to_b = a.begin(x[0]), to_a = b.begin(x[1]);
  unsigned rounds = 0;
  std::size_t bytes = 0;
  while (to_a) {
    ++rounds;
    bytes += to_a->size();
    auto next_b = a.advance(*to_a), next_a = b.advance(*to_b);
    REQUIRE(next_a);
    REQUIRE(next_b);
    to_a = *next_a;
    to_b = *next_b;
  }
  CHECK(rounds == shape.rounds());
  CHECK(bytes == shape.online_bytes());
  auto expected = [&](std::size_t i) { return std::max<std::int64_t>(tensor::as_signed(i, k), 0); };
  std::size_t wrong = 0;
  Buffer<Word16> y0 = a.take_result(), y1 = b.take_result();
  if (!lifted) {
    const auto y = revealed<Word16>(y0, y1, summed);
    for (std::size_t i = 0; i < n; ++i) wrong += y[i] != expected(i);
  } else {
    KnownSignLift l0(take_lift(s0, lift_shape), true), l1(take_lift(s1, lift_shape), false);
    const Payload m0 = l0.begin(std::move(y0)), m1 = l1.begin(std::move(y1));
    const auto z0 = *l0.finish(m1), z1 = *l1.finish(m0);
    for (std::size_t i = 0; i < n; ++i) wrong += tensor::as_signed(Word64{z0[i]} + z1[i], lifted) != expected(i);
  }
  CHECK(wrong == 0);
}

}  // namespace blindsight::protocol::blink::testing
