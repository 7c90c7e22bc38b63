#include "protocol/securenn/odd_ring.h"

#include <doctest/doctest.h>

#include <random>

#include "tests/protocol/securenn/three_routines.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;
constexpr Word64 top = ~Word64{0};

TEST_CASE("the odd ring adds and subtracts modulo 2^64 - 1") {
  using odd_ring::add, odd_ring::subtract;
  std::mt19937_64 rng(3);
  std::vector<Word64> v{0, 1, 2, top - 1, top - 2, top / 2, top / 2 + 1};
  for (int i = 0; i < 30; ++i) v.push_back(rng() % top);
  __extension__ typedef unsigned __int128 Wide;
  const auto mod = [](Wide x) { return static_cast<Word64>(x % top); };
  for (const Word64 a : v)
    for (const Word64 b : v) {
      REQUIRE(add(a, b) == mod(Wide{a} + b));
      REQUIRE(subtract(a, b) == mod(Wide{a} + top - b));
    }
  CHECK(odd_ring::reduce(top) == 0);
}

/// A stream of given words.
class Words final : public Prg {
 public:
  explicit Words(std::vector<Word64> words) : Prg(Key({})), words_(std::move(words)) {}
  void fill(const Stream&, std::uint64_t offset, std::span<std::uint8_t> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<std::uint8_t>(words_.at((offset + i) / 8) >> 8 * ((offset + i) % 8));
  }

 private:
  std::vector<Word64> words_;
};

TEST_CASE("draws of the odd ring put later words in the place of 2^64 - 1") {
  CHECK(odd_ring::draw(Words({7, top, 8, top, top, 9, 10}), {}, 4) == Buffer<Word64>{7, 9, 8, 10});
}

TEST_CASE("shares of the odd ring add up to what was dealt, and are below the modulus") {
  const Buffer<Word64> value{0, 1, top - 1, top / 2, 42};
  const beaver::Slot random_slot = slot(Field::msb_mask, 3), dealt_slot = slot(Field::convert_wrap, 3);
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) {
    const ThreeRoutines parties(randomness);
    beaver::Dealer dealer(parties.helper().keys, parties.helper().band);
    const Buffer<Word64> drawn = odd_ring::random(dealer, random_slot, value.size());
    odd_ring::deal(dealer, dealt_slot, value);
    Buffer<Word64> random_sum(value.size(), 0), dealt_sum(value.size(), 0);
    for (unsigned j = 0; j < 2; ++j) {
      const Server& server = parties.server(j);
      const std::size_t bytes = value.size() * sizeof(Word64);
      const Payload message = dealer.take(server.self);
      CHECK(message.size() ==
            beaver::random_bytes_sent(randomness, bytes) + beaver::dealt_bytes_sent(randomness, server.self, bytes));
      beaver::ShareSource source = server.source(message);
      const Buffer<Word64> random = odd_ring::random(source, random_slot, value.size()),
                           dealt = odd_ring::dealt(source, dealt_slot, value.size());
      for (std::size_t i = 0; i < value.size(); ++i) {
        CHECK(random[i] != top);
        CHECK(dealt[i] != top);
        random_sum[i] = odd_ring::add(random_sum[i], random[i]);
        dealt_sum[i] = odd_ring::add(dealt_sum[i], dealt[i]);
      }
    }
    CHECK(random_sum == drawn);
    CHECK(dealt_sum == value);
  }
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
