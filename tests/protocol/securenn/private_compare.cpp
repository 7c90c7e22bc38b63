#include "protocol/securenn/private_compare.h"

#include <doctest/doctest.h>

#include <random>
#include <stdexcept>

#include "protocol/securenn/odd_ring.h"
#include "protocol/securenn/share_convert.h"
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

std::array<Buffer<Word64>, 2> converted(ThreeRoutines& parties, const std::array<Buffer<Word64>, 2>& shares) {
  struct Part {
    static Routine<Buffer<Word64>> of_server(Channel& channel, const Server& server, Buffer<Word64> share) {
      ShareConversion conversion(channel, server, std::move(share), 4);
      Buffer<Word64> y = co_await conversion.finish(channel);
      co_return y;
    }
  };
  const std::size_t n = shares[0].size();
  return parties.run(shares, &Part::of_server,
                     [n](Channel& c, const Helper& h) { return help_share_convert(c, h, n, 4); });
}

TEST_CASE("share convert keeps every value but 2^64 - 1, whatever its shares and masks, r = 0 among them") {
  std::mt19937_64 rng(2);
  const Word64 edges[] = {0, 1, 2, top - 1, top - 2, top / 2, top / 2 + 1, 0x123456789abcdef0};
  std::array<Buffer<Word64>, 2> shares;
  Buffer<Word64> expected;
  for (const Word64 a : edges)
    for (const Word64 first : {Word64{0}, Word64{1}, top, top - 1, top / 2, a, a + 1, rng(), rng()}) {
      shares[0].push_back(first), shares[1].push_back(a - first);
      expected.push_back(a);
    }
  // r_0 and r_1: drawn, both 0, and pairs whose sum is 0 with a wrap, 1 or 2^64 - 1.
  const std::vector<std::array<Word64, 2>> masks{{0, 0},   {5, 0 - Word64{5}}, {top, 1},  {0, 1},
                                                 {top, 2}, {0, top},           {top, top}};
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent})
    for (std::size_t m = 0; m <= masks.size(); ++m)
      for (const int flip : {-1, 0, 1}) {
        CAPTURE(m);
        CAPTURE(flip);
        ThreeRoutines parties(randomness, 3);
        for (Planted& p : parties.common) {
          if (m < masks.size()) p.plant(Field::convert_mask0, masks[m][0]), p.plant(Field::convert_mask1, masks[m][1]);
          if (flip >= 0) p.plant(Field::convert_flip, flip ? 0x0101010101010101 : 0);
        }
        const auto y = converted(parties, shares);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < expected.size(); ++i)
          wrong += y[0][i] == top || y[1][i] == top || odd_ring::add(y[0][i], y[1][i]) != expected[i];
        CHECK(wrong == 0);
        CHECK(parties.cost().rounds == 4);
      }
}

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

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
