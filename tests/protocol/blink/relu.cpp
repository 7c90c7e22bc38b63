#include <doctest/doctest.h>

#include "protocol/blink/compare.h"
#include "protocol/blink/lift.h"
#include "protocol/blink/truncate.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink {
namespace {

std::vector<std::int64_t> values(std::span<const Word16> a, std::span<const Word16> b, unsigned bits) {
  std::vector<std::int64_t> v(a.size());
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = tensor::as_signed(static_cast<Word64>(a[i]) + b[i], bits);
  return v;
}

TEST_CASE("truncation gives floor or floor + 1, unbiased, for every value in range and every sharing") {
  for (const auto& [f, q] : {std::pair{3u, 5u}, {3u, 7u}, {1u, 4u}, {4u, 8u}}) {
    const unsigned K = q + 1;
    for (std::int64_t z = -(1 << q); z <= (1 << q) - (1 << f); ++z) {
      Buffer<Word32> share0(std::size_t{1} << K), share1(share0.size());
      for (std::size_t i = 0; i < share0.size(); ++i) {
        share0[i] = static_cast<Word32>(i) | 0xabc00000u;  // bits above the ring have no say
        share1[i] = static_cast<Word32>(z) - static_cast<Word32>(i);
      }
      Buffer<Word16> t0(share0.size()), t1(share0.size());
      truncate(share0, K, f, false, t0);
      truncate(share1, K, f, true, t1);
      std::int64_t ups = 0;
      for (const std::int64_t v : values(t0, t1, K - f)) {
        const std::int64_t error = v - (z >> f);
        REQUIRE((error == 0 || error == 1));
        ups += error;
      }
      REQUIRE(ups == (z & ((1 << f) - 1)) << (K - f));
    }
  }
}

TEST_CASE("above its range truncation turns the largest value into the most negative: why a plan must refuse it") {
  Buffer<Word32> share0(4096), share1(4096);
  for (std::size_t i = 0; i < share0.size(); ++i) {
    share0[i] = static_cast<Word32>(i * 4099);
    share1[i] = ((1u << 23) - 1) - share0[i];
  }
  Buffer<Word16> t0(4096), t1(4096);
  truncate(share0, 24, 12, false, t0);
  truncate(share1, 24, 12, true, t1);
  const auto v = values(t0, t1, 12);
  CHECK(std::find(v.begin(), v.end(), -2048) != v.end());
}

/// max(x, 0), every x and every sharing, by the code that the servers and the producer run; `lifted` 0 for none.
void check_positive_part(unsigned k, unsigned summed, unsigned lifted, PartyId receiver) {
  const std::size_t n = std::size_t{1} << (2 * k);
  const auto producer = testing::keys_from_seed(k * 100 + summed, 1)[2];
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
    const auto y = values(y0, y1, summed);
    for (std::size_t i = 0; i < n; ++i) wrong += y[i] != expected(i);
  } else {
    KnownSignLift l0(take_lift(s0, lift_shape), true), l1(take_lift(s1, lift_shape), false);
    const Payload m0 = l0.begin(std::move(y0)), m1 = l1.begin(std::move(y1));
    const auto z0 = *l0.finish(m1), z1 = *l1.finish(m0);
    for (std::size_t i = 0; i < n; ++i) wrong += tensor::as_signed(Word64{z0[i]} + z1[i], lifted) != expected(i);
  }
  CHECK(wrong == 0);
}

TEST_CASE("the positive part is exact for every value and every sharing, at every width of the last digit") {
  for (const PartyId receiver : {PartyId::server0, PartyId::server1}) {
    for (unsigned k = 2; k <= 9; ++k) check_positive_part(k, k, 0, receiver);
    check_positive_part(6, 8, 0, receiver);
    check_positive_part(9, 11, 0, receiver);
  }
}

TEST_CASE("ReLU with lift is exact for every value and every sharing") {
  for (const PartyId receiver : {PartyId::server0, PartyId::server1}) {
    check_positive_part(4, 4, 9, receiver);
    check_positive_part(9, 9, 14, receiver);
    check_positive_part(8, 10, 24, receiver);
    check_positive_part(8, 8, 32, receiver);
  }
}

TEST_CASE(
    "the costs in docs/protocols/blink.md: 18 bits each way and 79 dealt for ReLU with late lift, 77 dealt for max") {
  const std::size_t n = 4096;
  const CompareShape relu{n, 12, 12}, max{n, 13, 13};
  const LiftShape lift{n, 12, 24};
  CHECK((relu.online_bytes() + lift.online_bytes()) * 8 == 18 * n);
  CHECK((relu.correction_bytes() + lift.correction_bytes()) * 8 == 79 * n);
  CHECK(relu.rounds() + 1 == 4);
  CHECK(max.online_bytes() * 8 == 18 * n);
  CHECK(max.correction_bytes() * 8 == 77 * n);
  CHECK(max.rounds() == 3);
}

TEST_CASE("messages of the wrong length and messages too many are refused") {
  const Prg p0(Key({5}));
  const CompareShape shape{100, 12, 12};
  ShareSource source(p0, {.pack = 1}, false, {});
  PositivePart a(take_compare(source, shape, 0), true);
  a.begin(Buffer<Word16>(100, 7));
  CHECK_FALSE(a.advance(Payload(149, 0)));
  CHECK(a.advance(Payload(150, 0)));
  CHECK_FALSE(a.advance(Payload(150, 0)));
}

}  // namespace
}  // namespace blindsight::protocol::blink
