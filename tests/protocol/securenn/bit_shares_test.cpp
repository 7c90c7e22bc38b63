#include "protocol/securenn/bit_shares.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "tests/protocol/securenn/three_routines.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;

TEST_CASE("bounded draws use a chunk's own bytes one after the other and refuse to run out of them") {
  const Planted prg(Key({}));
  Buffer<std::uint8_t> stream(2 * BoundedDraws::chunk_stride);
  prg.fill({}, 0, stream);
  for (const std::size_t chunk : {0u, 1u}) {
    BoundedDraws draws(prg, {}, chunk);
    std::size_t at = chunk * BoundedDraws::chunk_stride, wrong = 0;
    for (unsigned round = 0; round < 150; ++round) {
      const unsigned bound = round % 3 == 0 ? 66 : round % 3 == 1 ? 67 : 2 + round % 63;
      std::array<std::uint8_t, 64> out;
      draws.draw(bound, out);
      for (const std::uint8_t value : out) {
        while ((stream[at] * bound & 255) < 256 % bound) ++at;
        wrong += value != stream[at++] * bound >> 8;
      }
    }
    CHECK(wrong == 0);
  }
  Planted refusing(Key({}));
  refusing.plant(Field{}, 0);  // a byte of 0 is no draw below 67
  BoundedDraws draws(refusing, {}, 0);
  std::array<std::uint8_t, 1> out;
  CHECK_THROWS_AS(draws.draw(67, out), std::runtime_error);
}

TEST_CASE("dealt shares of bits add up to the bits in Z_67, chunk by chunk") {
  const beaver::Slot bits = slot(Field::msb_bits, 2);
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent})
    for (const std::size_t n : {1u, 63u, 64u, 65u, 200u}) {
      CAPTURE(n);
      const ThreeRoutines parties(randomness);
      Buffer<Word64> words(n);
      Prg(Key({})).words<Word64>({}, 0, words);
      beaver::Dealer dealer(parties.helper().keys, parties.helper().band);
      deal_bits(dealer, bits, words);
      const std::array<Payload, 2> messages{dealer.take(PartyId::server0), dealer.take(PartyId::server1)};
      CHECK(messages[0].size() == (randomness == Randomness::sent ? bits_bytes(n) : 0));
      CHECK(messages[1].size() == bits_bytes(n));
      beaver::ShareSource source0 = parties.server(0).source(messages[0]),
                          source1 = parties.server(1).source(messages[1]);
      const BitShares first = dealt_bits(source0, bits, n), second = dealt_bits(source1, bits, n);
      std::size_t wrong = 0;
      for (std::size_t begin = 0; begin < n; begin += chunk_elements) {
        const std::size_t m = std::min(chunk_elements, n - begin);
        Buffer<std::uint8_t> a(64 * m), b(64 * m);
        first.load(begin / chunk_elements, a);
        second.load(begin / chunk_elements, b);
        for (unsigned i = 0; i < 64; ++i)
          for (std::size_t e = 0; e < m; ++e)
            wrong += a[i * m + e] >= 67 || b[i * m + e] >= 67 ||
                     (a[i * m + e] + b[i * m + e]) % 67u != (words[begin + e] >> i & 1);
      }
      CHECK(wrong == 0);
    }
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
