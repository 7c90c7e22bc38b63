#include "protocol/securenn/private_compare.h"

#include <doctest/doctest.h>

#include <random>

#include "tests/protocol/securenn/three_routines.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;
constexpr Word64 top = ~Word64{0};

std::array<Payload, 2> messages(const ThreeRoutines& parties, std::span<const Word64> x, std::span<const Word64> r,
                                std::span<const std::uint8_t> beta) {
  beaver::Dealer dealer(parties.helper().keys, parties.helper().band);
  deal_bits(dealer, slot(Field::msb_bits, 1), x);
  std::array<Payload, 2> sent;
  for (unsigned j = 0; j < 2; ++j) {
    const Server& server = parties.server(j);
    const Payload dealt = dealer.take(server.self);
    REQUIRE(dealt.size() == beaver::dealt_bytes_sent(server.randomness, server.self, bits_bytes(x.size())));
    beaver::ShareSource source = server.source(dealt);
    sent[j] = compare_message(server, msb_compare, 1, dealt_bits(source, slot(Field::msb_bits, 1), x.size()), r, beta);
  }
  return sent;
}

Buffer<Word64> compare(const ThreeRoutines& parties, std::span<const Word64> x, std::span<const Word64> r,
                       std::span<const std::uint8_t> beta) {
  const auto sent = messages(parties, x, r, beta);
  return compared(sent[0], sent[1]);
}

TEST_CASE("private compare finds beta ^ [x > r] for all edges, r = 2^64 - 1 among them") {
  std::vector<Word64> edges{0,       1,       2,           3,           5,       top,        top - 1,
                            top - 2, top / 2, top / 2 + 1, top / 2 + 2, top / 3, top / 3 * 2};
  for (unsigned k = 2; k < 64; k += 5) edges.push_back(Word64{1} << k), edges.push_back((Word64{1} << k) - 1);
  std::mt19937_64 rng(1);
  for (int i = 0; i < 10; ++i) edges.push_back(rng());
  Buffer<Word64> x, r, expected;
  Buffer<std::uint8_t> beta;
  for (const Word64 a : edges)
    for (const Word64 b : edges)
      for (const std::uint8_t flip : {0, 1}) {
        x.push_back(a), r.push_back(b), beta.push_back(flip);
        expected.push_back(flip ^ (a > b));
      }
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent})
    CHECK(compare(ThreeRoutines(randomness), x, r, beta) == expected);
  // The faults that the tests of what is seen plant change no result: only what is seen.
  for (const auto fault : {&Planted::no_refresh, &Planted::no_blinding, &Planted::no_permutation}) {
    ThreeRoutines parties(Randomness::seeded);
    for (Planted& p : parties.common) (p.*fault)();
    CHECK(compare(parties, x, r, beta) == expected);
  }
}

TEST_CASE("private compare shows its zero in every place equally often, and all other values too") {
  constexpr std::size_t n = 64 * 500;
  for (const unsigned difference : {0u, 31u, 62u, 63u}) {
    CAPTURE(difference);
    ThreeRoutines parties(Randomness::sent, difference);
    const Buffer<Word64> x(n, Word64{1} << difference), r(n, 0);
    const auto sent = messages(parties, x, r, Buffer<std::uint8_t>(n, 0));
    std::array<double, 64> zero{};
    std::array<double, 67> value{};
    std::array<std::uint8_t, 4096> d0, d1;
    for (std::size_t chunk = 0; chunk < n / chunk_elements; ++chunk) {
      BitShares::packed(sent[0]).load(chunk, d0);
      BitShares::packed(sent[1]).load(chunk, d1);
      for (std::size_t at = 0; at < d0.size(); ++at) {
        const unsigned sum = (d0[at] + d1[at]) % 67u;
        ++value[sum];
        if (sum == 0) ++zero[at / chunk_elements];
      }
    }
    CHECK(value[0] == n);
    double places = 0, values = 0;  // chi-square of 63 and 65 degrees of freedom
    for (const double count : zero) places += (count - n / 64.) * (count - n / 64.) / (n / 64.);
    for (unsigned v = 1; v < 67; ++v) values += (value[v] - n * 63 / 66.) * (value[v] - n * 63 / 66.) / (n * 63 / 66.);
    CHECK(places < 120);
    CHECK(values < 125);
  }
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
