// What each party receives in a ReLU, as statistics: the same for two very different inputs. And the attack on the
// comparison as it was published, which no statistics of single messages shows: the producer combines them with the
// shares that it dealt.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <set>
#include <string>

#include "protocol/securenn/bit_shares.h"
#include "protocol/securenn/odd_ring.h"
#include "protocol/securenn/relu.h"
#include "tests/protocol/securenn/three_routines.h"

namespace blindsight::protocol::securenn::testing {
namespace {

using Randomness = Dealing::Randomness;
constexpr PartyId producer = PartyId::producer;
constexpr std::size_t bits = tensor::field67::word_bits;

/// The values of n elements' 64 places, [64][n], out of a message's chunks.
std::vector<std::uint8_t> places(std::span<const std::uint8_t> packed, std::size_t n) {
  const BitShares shares = BitShares::packed(packed.first(bits_bytes(n)));
  std::vector<std::uint8_t> all(bits * n), chunk(bits * chunk_elements);
  for (std::size_t begin = 0; begin < n; begin += chunk_elements) {
    const std::size_t m = std::min(chunk_elements, n - begin);
    shares.load(begin / chunk_elements, std::span(chunk).first(bits * m));
    for (std::size_t i = 0; i < bits; ++i) std::copy_n(chunk.data() + i * m, m, all.data() + i * n + begin);
  }
  return all;
}

/// Counts of what one party can see, by name.
using Histograms = std::map<std::string, std::vector<double>>;

void count_words(Histograms& h, const std::string& name, std::span<const Word64> words) {
  for (unsigned byte = 0; byte < 8; ++byte) {
    auto& counts = h[name + " byte " + std::to_string(byte)];
    counts.resize(256);
    for (const Word64 w : words) ++counts[w >> 8 * byte & 255];
  }
}

void count_places(Histograms& h, const std::string& name, std::span<const std::uint8_t> values) {
  const std::size_t n = values.size() / bits;
  auto& counts = h[name];
  counts.resize(bits * 128);
  for (std::size_t at = 0; at < values.size(); ++at) ++counts[at / n * 128 + values[at]];
}

/// A message's fields: w = n words, b = n elements' values in Z_67.
void count_message(Histograms& h, const std::string& name, std::span<const std::uint8_t> message,
                   const std::string& fields, std::size_t n) {
  for (std::size_t f = 0; f < fields.size(); ++f) {
    const std::size_t bytes = fields[f] == 'w' ? n * sizeof(Word64) : bits_bytes(n);
    const std::string field = name + " field " + std::to_string(f);
    if (fields[f] == 'w')
      count_words(h, field, to_words(message.first(bytes)));
    else
      count_places(h, field, places(message, n));
    message = message.subspan(bytes);
  }
  REQUIRE(message.empty());
}

Histograms seen_by(const ThreeRoutines& parties, PartyId viewer, Randomness randomness, std::size_t n) {
  Histograms h;
  if (viewer == producer) {
    const auto from = [&](PartyId s, std::size_t i) -> const Payload& { return parties.message(s, producer, i); };
    for (std::size_t i = 0; i < 3; ++i) {
      for (const PartyId s : {PartyId::server0, PartyId::server1})
        count_message(h, std::string(name(s)) + " message " + std::to_string(i), from(s, i), i == 0 ? "w" : "b", n);
      if (i == 0) {
        Buffer<Word64> x = to_words(from(PartyId::server0, 0));
        const Buffer<Word64> y = to_words(from(PartyId::server1, 0));
        for (std::size_t e = 0; e < n; ++e) x[e] += y[e];
        count_words(h, "masked value", x);
        continue;
      }
      auto sum = places(from(PartyId::server0, i), n);
      const auto more = places(from(PartyId::server1, i), n);
      std::vector<double> zeros(bits + 1), values(67);
      std::vector<std::size_t> zero(n, bits);
      for (std::size_t at = 0; at < sum.size(); ++at) {
        sum[at] = static_cast<std::uint8_t>((sum[at] + more[at]) % 67);
        if (sum[at] == 0) zero[at % n] = at / n;
        ++values[sum[at]];
      }
      for (const std::size_t place : zero) ++zeros[place];
      const std::string which = "comparison " + std::to_string(i);
      h[which + ": place of the zero"] = zeros;
      h[which + ": values"] = values;
      count_places(h, which + ": values by place", sum);
    }
    return h;
  }
  const bool sent = randomness == Randomness::sent;
  if (sent || viewer == beaver::correction_receiver) {
    const std::string fields[] = {sent ? "wbwwwwwww" : "bwww", "bw", "w", "w"};
    for (std::size_t i = 0; i < 4; ++i)
      count_message(h, "dealt " + std::to_string(i), parties.message(producer, viewer, i), fields[i], n);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const Payload &theirs = parties.message(other(viewer), viewer, i), &own = parties.message(viewer, other(viewer), i);
    count_message(h, "opening " + std::to_string(i), theirs, i == 0 ? "w" : "ww", n);
    Buffer<Word64> opened = to_words(theirs);
    const Buffer<Word64> mine = to_words(own);
    for (std::size_t e = 0; e < opened.size(); ++e)
      opened[e] = i == 0 ? odd_ring::add(opened[e], mine[e]) : opened[e] + mine[e];
    for (std::size_t part = 0; part * n < opened.size(); ++part)
      count_words(h, "opened " + std::to_string(i) + "." + std::to_string(part),
                  std::span(opened).subspan(part * n, n));
  }
  return h;
}

struct Difference {
  double deviations = 0;  ///< of chi-square from its mean, the largest of all histograms
  std::string where;
};

/// Two-sample chi-square tests of all that a party sees: x against y, n elements each.
Difference difference(PartyId viewer, Randomness randomness, const std::function<void(ThreeRoutines&)>& plant,
                      std::int64_t x = 3, std::int64_t y = -(std::int64_t{1} << 61)) {
  constexpr std::size_t n = 4000;
  std::array<Histograms, 2> h;
  for (unsigned side = 0; side < 2; ++side) {
    ThreeRoutines parties(randomness, 40 + side);
    plant(parties);
    const std::vector<std::int64_t> v(n, side ? y : x);
    parties.relu(shares_of(v, 50 + side));
    h[side] = seen_by(parties, viewer, randomness, n);
  }
  Difference worst;
  REQUIRE(h[0].size() == h[1].size());
  for (const auto& [name, a] : h[0]) {
    const auto& b = h[1].at(name);
    double chi = 0, freedom = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (a[i] + b[i] > 0) chi += (a[i] - b[i]) * (a[i] - b[i]) / (a[i] + b[i]), ++freedom;
    const double deviations = (chi - freedom) / std::sqrt(2 * freedom);
    if (deviations > worst.deviations) worst = {deviations, name};
  }
  return worst;
}

TEST_CASE("what each party receives in SecureNN's ReLU has one distribution for very different inputs") {
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent})
    for (const PartyId viewer : {PartyId::server0, PartyId::server1, producer}) {
      const Difference d = difference(viewer, randomness, [](ThreeRoutines&) {});
      CAPTURE(name(viewer));
      CAPTURE(d.where);
      CHECK(d.deviations < 5);
    }
  const Difference zero = difference(
      producer, Randomness::seeded, [](ThreeRoutines&) {}, 0, 1);
  CHECK(zero.deviations < 5);
}

TEST_CASE("planted leaks are seen: a comparison without permutation, without blinding, masks that are none") {
  const auto everywhere = [](auto fault) {
    return [fault](ThreeRoutines& p) {
      for (Planted& common : p.common) (common.*fault)();
    };
  };
  const auto at_all = [](Field field, std::array<Planted, 2> ThreeRoutines::*where) {
    return [field, where](ThreeRoutines& p) {
      for (Planted& prg : p.*where) prg.plant(field, 0);
    };
  };
  const auto caught = [](PartyId viewer, const std::function<void(ThreeRoutines&)>& plant) {
    return difference(viewer, Randomness::seeded, plant);
  };
  const Difference order = caught(producer, everywhere(&Planted::no_permutation));
  CHECK(order.deviations > 50);
  CHECK(order.where.find("place") != std::string::npos);
  const Difference blinding = caught(producer, everywhere(&Planted::no_blinding));
  CHECK(blinding.deviations > 50);
  CHECK(blinding.where.find("values") != std::string::npos);
  CHECK(caught(producer, at_all(Field::convert_mask0, &ThreeRoutines::common)).deviations < 5);  // r_1 still masks
  CHECK(caught(producer, [&](ThreeRoutines& p) {
          at_all(Field::convert_mask0, &ThreeRoutines::common)(p);
          at_all(Field::convert_mask1, &ThreeRoutines::common)(p);
        }).where == "masked value byte 0");
  CHECK(caught(producer, at_all(Field::msb_flip, &ThreeRoutines::common)).where == "comparison 2: place of the zero");
  for (const PartyId viewer : {PartyId::server0, PartyId::server1})
    for (const Field mask : {Field::msb_mask, Field::relu_x_mask, Field::relu_y_mask}) {
      CAPTURE(static_cast<int>(mask));
      CHECK(caught(viewer, at_all(mask, &ThreeRoutines::with_producer)).deviations > 50);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
/// The producer's search for what the servers compare with, one element: it dealt the shares x[i] in Z_67 and knows the
/// ratios of the two shares of c_i as a multiset, if both were only multiplied by the same s_i and permuted. From the
/// top bit down, a wrong guess of a bit soon needs a ratio that is not there.
class Search {
 public:
  Search(std::array<std::uint8_t, bits> x0, std::array<std::uint8_t, bits> x1, bool beta)
      : x0_(x0), x1_(x1), beta_(beta) {}

  void shown(int d0, int d1) { ++left_[ratio(d0, d1)]; }
  std::vector<Word64> found() {
    steps_ = 0;
    search(bits, 0, 0, 0);
    return found_;
  }

 private:
  static constexpr int limit = 20000;

  static std::size_t ratio(int c0, int c1) {
    c0 = (c0 % 67 + 67) % 67, c1 = (c1 % 67 + 67) % 67;
    if (c0 == 0) return c1 == 0 ? 68 : 67;
    int inverse = 1;
    while (inverse * c0 % 67 != 1) ++inverse;
    return static_cast<std::size_t>(c1 * inverse % 67);
  }

  void search(std::size_t left, int w0, int w1, Word64 r) {
    ++steps_;
    if (left == 0) {
      found_.push_back(r);
      return;
    }
    if (steps_ >= limit) return;
    const int b0 = x0_[left - 1], b1 = x1_[left - 1], sign = beta_ ? -1 : 1;
    for (const int v : {0, 1}) {
      const std::size_t q = ratio(w0 - sign * b0, sign * (v - b1) + 1 + w1);
      if (left_[q] == 0) continue;
      --left_[q];
      search(left - 1, (w0 + b0 - 2 * v * b0) % 67, (w1 + b1 + v - 2 * v * b1) % 67, 2 * r + static_cast<Word64>(v));
      ++left_[q];
    }
  }

  std::array<std::uint8_t, bits> x0_, x1_;
  bool beta_;
  std::array<int, 69> left_{};
  std::vector<Word64> found_;
  int steps_ = 0;
};

/// For how many of n random inputs the producer has the input among its candidates.
std::size_t found_by_producer(std::size_t n, bool as_published) {
  ThreeRoutines parties(Randomness::sent, 60);
  if (as_published)
    for (Planted& p : parties.common) p.no_refresh();
  std::mt19937_64 rng(61);
  std::vector<std::int64_t> v(n);
  for (auto& a : v) a = static_cast<std::int64_t>(rng() >> 2) - (std::int64_t{1} << 61);
  parties.relu(shares_of(v, 62));

  // What it dealt for ComputeMSB, by server, and what it received.
  std::array<Buffer<Word64>, 2> mask;
  std::array<std::vector<std::uint8_t>, 2> x, d;
  for (unsigned j = 0; j < 2; ++j) {
    const auto server = static_cast<PartyId>(j);
    const std::span<const std::uint8_t> dealt(parties.message(producer, server, 0));
    mask[j] = to_words(dealt.first(n * sizeof(Word64)));
    x[j] = places(dealt.subspan(n * sizeof(Word64)), n);
    d[j] = places(parties.message(server, producer, 2), n);
  }
  std::size_t right = 0;
  for (std::size_t e = 0; e < n; ++e) {
    std::array<std::array<std::uint8_t, bits>, 2> own;
    for (unsigned j = 0; j < 2; ++j)
      for (std::size_t i = 0; i < bits; ++i) own[j][i] = x[j][i * n + e];
    const Word64 mask_of_r = odd_ring::add(mask[0][e], mask[1][e]), doubled = 2 * static_cast<Word64>(v[e]);
    bool hit = false;
    for (const bool beta : {false, true}) {
      Search search(own[0], own[1], beta);
      for (std::size_t i = 0; i < bits; ++i) search.shown(d[0][i * n + e], d[1][i * n + e]);
      for (const Word64 compared_with : search.found())  // r, or r + 1 where beta is 1; r = 2 (2a) + x
        hit |= odd_ring::subtract(odd_ring::subtract(odd_ring::reduce(compared_with), beta), mask_of_r) ==
               odd_ring::add(doubled, doubled);
    }
    right += hit;
  }
  return right;
}

TEST_CASE("the producer finds every input from the published comparison, and none from the refreshed one") {
  CHECK(found_by_producer(20, true) == 20);
  CHECK(found_by_producer(20, false) == 0);
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
