#include "protocol/blink/band.h"

#include <doctest/doctest.h>

#include <cstring>

#include "protocol/blink/output.h"
#include "protocol/plaintext/layer.h"
#include "tests/protocol/blink/one_layer.h"

namespace blindsight::protocol::blink {
namespace {

using protocol::testing::Net;
using testing::OneLayer;

constexpr PackId pack = OneLayer::pack;

struct Kind {
  std::string name;
  bool relu = true, last = false;
  std::vector<tensor::Window> max_pools = {}, average_pools = {};
};

const std::vector<Kind> kinds{
    {.name = "ReLU"},
    {.name = "signed", .relu = false},
    {.name = "max pool", .max_pools = {protocol::testing::pool2}},
    {.name = "sums before the lift", .average_pools = {protocol::testing::pool2}},
    {.name = "sums after the lift", .relu = false, .average_pools = {protocol::testing::pool2}},
    {.name = "last", .last = true},
    {.name = "last, signed", .relu = false, .last = true},
    {.name = "last, lifted", .last = true, .average_pools = {{6, 6, 1, 1}}},
};

Net net_of(const Kind& kind) {
  std::mt19937_64 rng(1);
  Net net;
  net.spec.input = {8, 6, 3};
  LayerSpec l = protocol::testing::layer(kind.name, net.spec.input, 4, protocol::testing::same3);
  l.relu = kind.relu;
  l.max_pools = kind.max_pools;
  l.average_pools = kind.average_pools;
  protocol::testing::add(net, l, 500, rng);
  if (!kind.last) protocol::testing::read_out(net);
  return net;
}

/// The first layer's bands, dealt to both servers and run by them.
struct Run {
  OneLayer one;
  std::vector<BandLayout> layout;
  std::vector<std::int64_t> x;
  std::array<std::shared_ptr<MaskedMap>, 2> in, out;
  std::array<Payload, 2> answers;

  explicit Run(const Kind& kind) : one(net_of(kind)), layout(protocol::bands(one.net.spec, 0, 4)) {
    std::mt19937_64 rng(2);
    x = protocol::testing::random_input(one.net.spec.input.elements(), 500, rng);
    const Buffer<Word32> e = one.masked(x);
    for (unsigned j = 0; j < 2; ++j) {
      in[j] = std::make_shared<MaskedMap>(e.size() * sizeof(Word32));
      std::memcpy(in[j]->data(), e.data(), in[j]->size());
      out[j] = std::make_shared<MaskedMap>(one.layer().out().elements() * sizeof(Word32));
    }
  }

  BandContext context(std::uint32_t band) const { return {one.net.spec, making(1, pack, band), one.w, layout[band]}; }

  BandStep step(std::uint32_t band, PartyId self) const {
    const BandContext t = context(band);
    const Payload correction = deal_band(t, one.with_producer(0), one.with_producer(1), one.keys[2]->own(), one.mask);
    CHECK(correction.size() == t.correction_bytes());
    const auto j = static_cast<unsigned>(self);
    auto material = take_band(t, self, one.with_producer(j), one.filters[j], correction);
    CHECK(material->bytes() == t.material_bytes());
    return BandStep(t, self, one.keys[j], one.filters[j], in[j], out[j], std::move(material));
  }

  void band(std::uint32_t number) {
    std::array<BandStep, 2> steps{step(number, PartyId::server0), step(number, PartyId::server1)};
    std::array<std::size_t, 2> bytes{};
    std::array<bool, 2> done{};
    std::array<std::optional<Outbound>, 2> sent;
    const auto take = [&](unsigned j, Result<Progress> progress) {
      REQUIRE(progress);
      sent[j].reset();
      done[j] = progress->done;
      for (Outbound& o : progress->outbound) {
        if (o.to == PartyId::client) {
          answers[j] = std::move(o.payload);
          continue;
        }
        bytes[j] += o.payload.size();
        sent[j] = std::move(o);
      }
    };
    for (unsigned j = 0; j < 2; ++j) take(j, steps[j].begin());
    while (sent[0]) {
      REQUIRE(sent[1]);
      auto from0 = std::move(*sent[0]), from1 = std::move(*sent[1]);
      take(0, steps[0].advance({PartyId::server1, from1.round, std::move(from1.payload)}));
      take(1, steps[1].advance({PartyId::server0, from0.round, std::move(from0.payload)}));
    }
    for (unsigned j = 0; j < 2; ++j) {
      CHECK(done[j]);
      CHECK(bytes[j] == context(number).online_bytes());
    }
  }

  /// What the layer made: the open E' and both masks of it, or the client's answer.
  std::vector<std::int64_t> result() const {
    if (context(0).last()) return *reveal_output(one.net.spec, answers);
    CHECK(*out[0] == *out[1]);
    const std::size_t n = one.layer().out().elements();
    Buffer<Word32> e(n), mask(n);
    std::memcpy(e.data(), out[0]->data(), out[0]->size());
    for (const unsigned server : {0u, 1u}) {
      map_mask(one.with_producer(server), pack, 1, Field::input_mask, 0, one.w.out, mask);
      for (std::size_t i = 0; i < n; ++i) e[i] += mask[i];
    }
    std::vector<std::int64_t> values;
    for (const Word32 word : e) values.push_back(tensor::as_signed(word, one.w.out));
    return values;
  }
};

TEST_CASE("a layer's bands make its result, to one ulp of truncation an element, with the bytes that are declared") {
  for (const Kind& kind : kinds) {
    CAPTURE(kind.name);
    Run run(kind);
    CHECK((run.layout.size() > 1) == !kind.last);
    for (std::uint32_t band = 0; band < run.layout.size(); ++band) run.band(band);
    const LayerSpec& l = run.one.layer();
    const auto expected = plaintext::evaluate(l, plaintext::prepare(l, run.one.net.weights[0]), run.x);
    const auto got = run.result();
    REQUIRE(got.size() == expected.size());
    const auto most = static_cast<std::int64_t>(l.window_elements());
    std::size_t wrong = 0, up = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      wrong += got[i] < expected[i] || got[i] > expected[i] + most;
      up += got[i] > expected[i];
    }
    CHECK(wrong == 0);
    CHECK(up > 0);
  }
}

TEST_CASE("a message of the wrong sender, round or length ends a band with an error that says where and what for") {
  const Run run({.name = "conv1", .max_pools = {protocol::testing::pool2}});
  for (const auto& [from, round, bytes] :
       {std::tuple{PartyId::producer, 0, -1}, {PartyId::server1, 1, -1}, {PartyId::server1, 0, 3}}) {
    BandStep step = run.step(1, PartyId::server0);
    const auto sent = step.begin();
    REQUIRE(sent);
    const std::size_t length = bytes < 0 ? sent->outbound.at(0).payload.size() : static_cast<std::size_t>(bytes);
    const auto refused = step.advance({from, static_cast<std::uint16_t>(round), Payload(length, 0)});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("layer 'conv1', band 1, awaiting max: ") == 0);
  }
}

}  // namespace
}  // namespace blindsight::protocol::blink
