// What a party receives says nothing of the secrets: over many sessions, every bit of every message, alone and against
// the same message of the next query, is as often set for one input as for a very different one. And the check can
// fail: leaks planted in a protocol are found by it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "protocol/core/choice.h"
#include "protocol/securenn/bit_shares.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol {
namespace {

using testing::dealings;
using testing::Net;
using testing::ThreeParties;

/// What one session showed one party, as bits: the position names the field, its bits and its query.
using View = std::vector<bool>;

void append_bits(std::span<const std::uint8_t> bytes, View& bits) {
  for (const std::uint8_t b : bytes)
    for (int i = 0; i < 8; ++i) bits.push_back(b >> i & 1);
}

/// A statistic of several messages that only their receiver can compute.
using Joint = void (*)(const std::vector<testing::Crossed>& received, View& bits);

/// What SecureNN's producer makes of both servers' messages of a comparison: the values in Z_67 at each element's 64
/// places, and which of them are zero. Where a zero is would tell the first bit that differs, but for the permutation.
void compared_places(const std::vector<testing::Crossed>& received, View& bits) {
  for (const testing::Crossed& mine : received) {
    // A comparison asks the producer three times; the first message of each is the masked value.
    if (mine.to != PartyId::producer || mine.from != PartyId::server0 || mine.round % 3 == 0) continue;
    const auto theirs = std::ranges::find_if(received, [&](const testing::Crossed& c) {
      return c.from == PartyId::server1 && c.value == mine.value && c.band == mine.band && c.round == mine.round;
    });
    REQUIRE(theirs != received.end());
    const std::size_t n = mine.payload.size() / securenn::bits_bytes(1);
    REQUIRE(mine.payload.size() == securenn::bits_bytes(n));
    REQUIRE(theirs->payload.size() == mine.payload.size());
    for (std::size_t begin = 0; begin < n; begin += securenn::chunk_elements) {
      const std::size_t elements = std::min(securenn::chunk_elements, n - begin),
                        chunk = begin / securenn::chunk_elements;
      std::vector<std::uint8_t> sum(64 * elements), share(sum.size());
      securenn::BitShares::packed(mine.payload).load(chunk, sum);
      securenn::BitShares::packed(theirs->payload).load(chunk, share);
      for (std::size_t i = 0; i < sum.size(); ++i)
        sum[i] = static_cast<std::uint8_t>((sum[i] + share[i]) % tensor::field67::prime);
      append_bits(sum, bits);
      for (const std::uint8_t value : sum) bits.push_back(value == 0);
    }
  }
}

/// The messages of one query by their names, so that the order of their arrival does not matter.
std::vector<testing::Crossed> received(const std::vector<testing::Crossed>& transcript, std::size_t from,
                                       PartyId party) {
  std::vector<testing::Crossed> mine;
  for (std::size_t i = from; i < transcript.size(); ++i)
    if (transcript[i].to == party) mine.push_back(transcript[i]);
  std::ranges::sort(mine, {}, [](const testing::Crossed& c) { return std::tuple(c.value, c.band, c.from, c.round); });
  return mine;
}

constexpr std::array parties = {PartyId::server0, PartyId::server1, PartyId::producer};

/// Two queries of one session: what each party received, and bit by bit whether the second differed.
std::array<View, 3> views(ThreeParties& run, const std::array<std::vector<std::int64_t>, 2>& inputs, PackId second,
                          Joint joint) {
  std::array<std::array<std::vector<testing::Crossed>, 3>, 2> queries;
  for (int q = 0; q < 2; ++q) {
    const std::size_t from = run.transcript().size();
    const PackId pack = q ? second : 1;
    run.preprocess(pack);
    run.predict(pack, inputs[q]);
    for (const PartyId p : parties) queries[q][static_cast<unsigned>(p)] = received(run.transcript(), from, p);
  }
  std::array<View, 3> all;
  for (unsigned p = 0; p < 3; ++p) {
    const auto &first = queries[0][p], &again = queries[1][p];
    REQUIRE(first.size() == again.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      Payload difference = first[i].payload;
      REQUIRE(difference.size() == again[i].payload.size());
      append_bits(difference, all[p]);
      for (std::size_t k = 0; k < difference.size(); ++k) difference[k] ^= again[i].payload[k];
      append_bits(difference, all[p]);
    }
    if (joint) joint(first, all[p]);
  }
  return all;
}

/// Per party the largest |z| of the two-sample test of a bit's rate, in standard deviations.
struct Distance {
  std::array<double, 3> party{};
  std::size_t bits = 0;
  double worst() const { return std::ranges::max(party); }
};

constexpr int sessions = 500;
/// As far off is one bit in a hundred millions by chance.
constexpr double far_off = 5.8;

/// Over many sessions for each of two networks: one is asked twice about the same dark image, the other about two that
/// differ. `second`: the pack of the second query.
Distance distance(const Choice& choice, const std::array<Net, 2>& nets, PackId second = 2, Joint joint = nullptr) {
  const auto image = [&](std::int64_t v) { return std::vector<std::int64_t>(nets[0].spec.input.elements(), v); };
  const std::array<std::array<std::vector<std::int64_t>, 2>, 2> inputs = {
      {{image(-3), image(-3)}, {image(477), image(-391)}}};
  std::array<std::array<std::vector<int>, 3>, 2> ones;
  for (int secret = 0; secret < 2; ++secret)
    for (int s = 0; s < sessions; ++s) {
      ThreeParties run(*choice.bind(nets[secret].spec), nets[secret].weights,
                       {.seed = static_cast<std::uint64_t>(2 * s + secret + 1), .keep_transcript = true});
      const auto seen = views(run, inputs[secret], second, joint);
      for (unsigned p = 0; p < 3; ++p) {
        ones[secret][p].resize(seen[p].size());
        for (std::size_t i = 0; i < seen[p].size(); ++i) ones[secret][p][i] += seen[p][i];
      }
    }
  Distance d;
  for (unsigned p = 0; p < 3; ++p) {
    REQUIRE(ones[0][p].size() == ones[1][p].size());
    d.bits += ones[0][p].size();
    for (std::size_t i = 0; i < ones[0][p].size(); ++i) {
      const double a = ones[0][p][i], b = ones[1][p][i], rate = (a + b) / (2 * sessions);
      if (rate > 0 && rate < 1)  // others are pad bits, or say nothing either way
        d.party[p] = std::max(d.party[p], std::abs(a - b) / std::sqrt(2 * sessions * rate * (1 - rate)));
    }
  }
  return d;
}

/// Two secrets that differ in all: small weights and a black image, large weights and a bright one.
std::array<Net, 2> networks(bool max_pool) {
  std::array<Net, 2> nets;
  for (int secret = 0; secret < 2; ++secret) {
    std::mt19937_64 rng(5);
    Net& net = nets[secret];
    net.spec.input = {4, 4, 1};
    LayerSpec l = testing::layer("a", net.spec.input, 2, testing::same3);
    (max_pool ? l.max_pools : l.average_pools) = {testing::pool2};
    testing::add(net, l, secret ? 500 : 400, rng);
    if (!secret)
      for (auto& w : net.weights.back().filter) w /= 64;
    testing::read_out(net);
  }
  return nets;
}

TEST_CASE("what each party receives is distributed alike for two very different models and inputs") {
  for (const std::string_view name : protocol_names()) {
    const Protocol& p = *find_protocol(name);
    if (!p.hides) continue;
    for (const bool max_pool : {false, true})
      for (const Dealing dealing : dealings(p)) {
        if (max_pool && !p.compares) continue;
        const Choice choice{&p, dealing};
        CAPTURE(spelling(choice));
        CAPTURE(max_pool);
        const Distance d = distance(choice, networks(max_pool), 2, name == "securenn" ? compared_places : nullptr);
        CHECK(d.bits > 2000);
        CHECK(d.worst() < far_off);
      }
  }
}

TEST_CASE("the same check finds a protocol without protection, and masks that serve two queries") {
  for (const std::string_view name : protocol_names()) {
    CAPTURE(name);
    const Choice choice{find_protocol(name), {}};
    if (!choice.protocol->hides)
      CHECK(distance(choice, networks(true)).party[0] > 2 * far_off);
    else
      CHECK(distance(choice, networks(false), 1).worst() > 2 * far_off);
  }
}

}  // namespace
}  // namespace blindsight::protocol
