// One suite over every protocol of the table: results within the stated error of exact integers, rounds and bytes as
// declared.
#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <set>

#include "protocol/plaintext/layer.h"
#include "tensor/kernels/isa.h"
#include "tensor/kernels/pack_bits.h"
#include "tests/protocol/support/ledger.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol {
namespace {

using tensor::ConvAlgorithm;
using tensor::Shape;
using tensor::Window;
using testing::Ledger;
using testing::ThreeParties;

using testing::add, testing::bind, testing::dealings, testing::layer, testing::Net, testing::pool2,
    testing::random_input, testing::read_out, testing::same3;

std::vector<std::int64_t> exact(const Net& net, std::vector<std::int64_t> x,
                                plaintext::Relu relu = plaintext::Relu::exact) {
  for (std::size_t i = 0; i < net.spec.layers.size(); ++i)
    x = plaintext::evaluate(net.spec.layers[i], plaintext::prepare(net.spec.layers[i], net.weights[i]), x, relu);
  return x;
}

plaintext::Relu relu_of(const Protocol& p) {
  return p.compares ? plaintext::Relu::exact : plaintext::Relu::polynomial;
}

/// The pools of a layer: sums where the protocol cannot compare.
std::vector<Window>& pools_of(const Protocol& p, LayerSpec& layer) {
  return p.compares ? layer.max_pools : layer.average_pools;
}

ConvAlgorithm algorithm_of(const Protocol& p) {
  return p.winograd ? ConvAlgorithm::winograd4 : ConvAlgorithm::direct;
}

/// Calls f(protocol, dealing) for each protocol that hides anything, under each way of dealing that it has.
template <class F>
void for_each_dealing(const F& f) {
  for (const std::string_view name : protocol_names()) {
    const Protocol& p = *find_protocol(name);
    if (!p.hides) continue;
    for (const Dealing dealing : dealings(p)) {
      CAPTURE(name);
      CAPTURE(static_cast<int>(dealing.triples));
      CAPTURE(static_cast<int>(dealing.randomness));
      f(p, dealing);
    }
  }
}

/// Messages by what they are, whatever the order of their arrival: value, band, from, to, round.
using Named = std::map<std::tuple<std::size_t, std::size_t, PartyId, PartyId, std::uint16_t>, Payload>;
Named named(std::span<const testing::Crossed> messages) {
  Named n;
  for (const auto& c : messages) CHECK(n.emplace(std::tuple(c.value, c.band, c.from, c.to, c.round), c.payload).second);
  return n;
}

/// One sharing of the weights for all runs: share_weights draws from the operating system.
class FixedWeights final : public Clients {
 public:
  explicit FixedWeights(std::shared_ptr<const Clients> of) : of_(std::move(of)) {}

  Result<std::array<Payload, 2>> share_weights(LayerId layer, const LayerWeights& weights) const override {
    if (!kept_.contains(layer)) kept_[layer] = *of_->share_weights(layer, weights);
    return kept_[layer];
  }
  std::array<std::size_t, 2> weight_share_bytes(LayerId layer) const override { return of_->weight_share_bytes(layer); }
  Result<std::array<Payload, 2>> share_input(std::span<const std::int64_t> input) const override {
    return of_->share_input(input);
  }
  std::array<std::size_t, 2> input_share_bytes() const override { return of_->input_share_bytes(); }
  Result<std::vector<std::int64_t>> reveal_output(std::span<const Payload, 2> messages) const override {
    return of_->reveal_output(messages);
  }

 private:
  std::shared_ptr<const Clients> of_;
  mutable std::map<LayerId, std::array<Payload, 2>> kept_;
};

/// Declared rounds and bytes of every value against what crossed; `run` delivered in rounds.
void check_costs(const Costs& costs, const Net& net, const ThreeParties& run) {
  Cost set_up;
  const auto values = static_cast<ValueId>(net.spec.layers.size() + 1);
  for (ValueId s = 0; s < values; ++s) {
    CAPTURE(s);
    Cost online = costs.online(s);
    CHECK(run.rounds()[s] == online.rounds);
    online.rounds = 0;
    CHECK(run.online_cost()[s] == online);
    Cost offline = costs.offline(s);
    offline.rounds = 0;
    CHECK(run.offline_cost()[s] == offline);
    if (s != input_value) set_up += costs.set_up(layer_of(s));
  }
  CHECK(run.set_up_cost() == set_up);
}

/// Shares, weights and maps are as wide as the protocol says that its rings are.
void check_rings(const Bound& bound, const Dealing& dealing, const Net& net, const ThreeParties& run) {
  const Rings first = bound.protocol->rings(net.spec, 0);
  CHECK(bound.clients->input_share_bytes()[0] == tensor::packed_bytes(net.spec.input.elements(), first.linear_bits));
  std::size_t elements = net.spec.input.elements();
  const auto layers = static_cast<LayerId>(net.spec.layers.size());
  for (LayerId i = 0; i < layers; ++i) {
    const LayerSpec& l = net.spec.layers[i];
    const Rings r = bound.protocol->rings(net.spec, i);
    CHECK(bound.clients->weight_share_bytes(i)[0] == tensor::packed_bytes(l.conv.filter_elements(), r.linear_bits) +
                                                         tensor::packed_bytes(l.bias_elements(), r.linear_bits));
    CHECK(r.linear_bits > l.range_bits());
    CHECK(r.linear_bits <= r.word_bits);
    CHECK(r.small_bits <= r.linear_bits);
    const std::size_t bytes = run.program(PartyId::server0).values()[read_by(i)].map_bytes,
                      word = elements * r.word_bits / 8;
    // Where masks are sent they are kept beside the map.
    CHECK(bytes == word * (dealing.randomness == Dealing::Randomness::sent ? 2 : 1));
    elements = l.out().elements();
  }
}

struct Kind {
  std::string name;
  LayerSpec layer;
};

constexpr const char* banded_kind = "several bands, overlapping average pool";

std::vector<Kind> kinds() {
  std::vector<Kind> k;
  auto add_kind = [&](std::string name, LayerSpec l) {
    l.name = name;
    k.push_back({std::move(name), std::move(l)});
  };
  const Shape map{13, 10, 5};
  add_kind("direct 3x3", layer("", map, 7, same3));
  add_kind("winograd 2", layer("", map, 7, same3, ConvAlgorithm::winograd2));
  add_kind("winograd 4", layer("", map, 7, same3, ConvAlgorithm::winograd4));
  add_kind("5x4 with strides and uneven padding", layer("", map, 12, {5, 4, 2, 3, 2, 1, 1, 0}));
  add_kind("fully connected", layer("", {1, 1, 130}, 20, {}));
  LayerSpec l = layer("", map, 7, same3, ConvAlgorithm::winograd4);
  l.bias_per_position = true;
  add_kind("a bias for each element", l);
  l.bias_per_position = false;
  l.max_pools = {pool2};
  add_kind("max pool 2x2, odd height", l);
  l.max_pools = {{3, 3, 2, 2, 1, 1, 1, 1}};
  add_kind("max pool 3x3 of stride 2, padded, windows that overlap", l);
  l.max_pools = {{1, 3, 1, 2}, {3, 1, 3, 1}};
  add_kind("two max pools, three candidates each", l);
  l.max_pools = {{1, 1, 2, 2}};
  add_kind("a pool of one element", l);
  l.max_pools = {pool2};
  l.relu = false;
  add_kind("max pool without ReLU", l);
  l.max_pools = {};
  add_kind("no ReLU", l);
  l.average_pools = {pool2};
  add_kind("average pool without ReLU", l);
  l.relu = true;
  add_kind("average pool", l);
  l.average_pools = {{3, 3, 2, 2}, pool2};
  add_kind("two average pools, the first with windows that overlap", l);
  l.average_pools = {{13, 10, 1, 1}};
  l.activation_bits = 7;
  l.fraction_bits = 15;
  add_kind("global average, too many for the small ring", l);
  l.activation_bits = 10;
  l.fraction_bits = 12;
  l.max_pools = {pool2};
  l.average_pools = {{2, 2, 1, 1}};
  add_kind("max pool, then average", l);
  l = layer("", {64, 48, 8}, 32, same3, ConvAlgorithm::winograd4);
  add_kind("several bands with halo rows", l);
  l.bias_per_position = true;
  add_kind("several bands, a bias for each element", l);
  l.bias_per_position = false;
  l.max_pools = {pool2};
  add_kind("several bands, max pool", l);
  l.max_pools = {{3, 3, 2, 2}};
  add_kind("several bands, overlapping max pool", l);
  l.max_pools = {};
  l.average_pools = {{3, 3, 2, 2}};
  add_kind(banded_kind, l);
  return k;
}

TEST_CASE(
    "every kind of layer, in the middle and at the end, is the exact one within the stated error, costs are as "
    "declared, under every way of dealing") {
  for (const std::string_view name : protocol_names()) {
    const Protocol& p = *find_protocol(name);
    for (const Kind& kind : kinds())
      for (const bool middle : {true, false})
        for (const Dealing dealing : dealings(p)) {
          CAPTURE(name);
          CAPTURE(kind.name);
          CAPTURE(middle);
          CAPTURE(static_cast<int>(dealing.triples));
          CAPTURE(static_cast<int>(dealing.randomness));
          // Large maps under every way of dealing take long: one kind, and in the middle, where it has several bands.
          if (dealing != Dealing{} && kind.layer.conv.in.elements() > 5000 && !(middle && kind.name == banded_kind))
            continue;
          std::mt19937_64 rng(7);
          Net net;
          net.spec.input = kind.layer.conv.in;
          add(net, kind.layer, 500, rng);
          if (middle) read_out(net);
          const auto bound = p.bind(net.spec, dealing);
          if (!bound) {
            // What a protocol lacks it refuses, and says why.
            CHECK(!p.compares);
            CHECK(!kind.layer.max_pools.empty());
            CHECK(bound.error().what.find("max pooling") != std::string::npos);
            CHECK(bound.error().what.find("layer '" + kind.name + "'") != std::string::npos);
            continue;
          }
          ThreeParties run(*bound, net.weights, {.seed = rng()});
          if (middle && kind.name == banded_kind && p.hides)
            CHECK(run.program(PartyId::server0).values()[1].bands.size() > 1);
          std::set<std::int64_t> errors;
          for (PackId pack = 1; pack <= 2; ++pack) {
            if (pack == 2) run.deliver_in_rounds();
            const auto x = random_input(net.spec.input.elements(), 500, rng);
            run.preprocess(pack);
            for (const PartyId party : {PartyId::server0, PartyId::server1, PartyId::producer})
              CHECK(bound->costs->memory(party).per_pack == run.pack_bytes(pack, party));
            const auto got = run.predict(pack, x), want = exact(net, x, relu_of(p));
            REQUIRE(got.size() == want.size());
            for (std::size_t i = 0; i < got.size(); ++i) errors.insert(got[i] - want[i]);
          }
          check_costs(*bound->costs, net, run);
          check_rings(*bound, dealing, net, run);
          const auto most = static_cast<std::int64_t>(bound->costs->stated_error(0));
          CHECK(*errors.begin() >= (p.compares ? 0 : -most));
          CHECK(*errors.rbegin() <= most);
          if (p.hides)
            CHECK(*errors.rbegin() > 0);  // the error is real: a run that never rounds up is not this protocol
        }
  }
}

TEST_CASE("layers that differ in f, A and M, both ways, follow one another") {
  for (const std::string_view name : protocol_names()) {
    const Protocol& p = *find_protocol(name);
    std::mt19937_64 rng(11);
    Net net;
    net.spec.input = {12, 12, 3};
    LayerSpec a = layer("a", {12, 12, 3}, 16, same3);
    a.fraction_bits = 14, a.activation_bits = 8, a.headroom_bits = 3;
    LayerSpec b = layer("b", {12, 12, 16}, 8, same3, ConvAlgorithm::winograd4);
    b.fraction_bits = 9, b.activation_bits = 11, b.headroom_bits = 2, pools_of(p, b) = {pool2};
    LayerSpec c = layer("c", {6, 6, 8}, 8, same3, ConvAlgorithm::winograd2);
    c.fraction_bits = 13, c.activation_bits = 9, c.headroom_bits = 1, c.average_pools = {pool2};
    LayerSpec d = layer("d", {1, 1, 72}, 4, {});
    d.fraction_bits = 12, d.activation_bits = 12, d.relu = false;
    add(net, a, 1000, rng);
    add(net, b, 256, rng);
    add(net, c, 2048, rng);
    add(net, d, 2048, rng);
    const Bound bound = bind(p, net.spec);
    ThreeParties run(bound, net.weights, {.seed = 3});
    double worst = 0, mean = 0;
    int count = 0;
    for (PackId pack = 1; pack <= 20; ++pack) {
      if (pack == 20) run.deliver_in_rounds();
      const auto x = random_input(net.spec.input.elements(), 1000, rng);
      run.preprocess(pack);
      const auto got = run.predict(pack, x), want = exact(net, x, relu_of(p));
      for (std::size_t i = 0; i < got.size(); ++i, ++count) {
        worst = std::max(worst, std::abs(static_cast<double>(got[i] - want[i])));
        mean += std::abs(static_cast<double>(want[i]));
      }
    }
    mean /= count;
    CHECK(mean > 20);  // the answers are not all zero
    CHECK(worst < 0.1 * mean + 8);
    check_costs(*bound.costs, net, run);
  }
}

TEST_CASE("a pack takes the bytes that the protocol declares, and filters what they are prepared to") {
  std::mt19937_64 rng(29);
  Net net;
  net.spec.input = {24, 20, 3};
  LayerSpec a = layer("a", {24, 20, 3}, 20, same3, ConvAlgorithm::winograd4);
  a.fraction_bits = 13, a.activation_bits = 9, a.headroom_bits = 1, a.max_pools = {pool2};
  LayerSpec b = layer("b", {12, 10, 20}, 17, same3, ConvAlgorithm::winograd2);
  b.fraction_bits = 13, b.activation_bits = 9, b.headroom_bits = 1, b.average_pools = {pool2};
  add(net, a, 500, rng);
  add(net, b, 500, rng);
  read_out(net);
  std::size_t prepared = 0;
  for (std::size_t i = 0; i < net.spec.layers.size(); ++i) {
    const LayerSpec& l = net.spec.layers[i];
    const std::vector<tensor::Word32> filter(l.conv.filter_elements());
    const auto bytes = tensor::prepare_filter<tensor::Word32>(l.conv, l.algorithm, filter).bytes();
    CHECK(bytes == tensor::prepared_words<tensor::Word32>(l.conv, l.algorithm) * sizeof(tensor::Word32));
    prepared += bytes;
  }
  const Bound blink = bind(*find_protocol("blink"), net.spec);
  CHECK(blink.costs->memory(PartyId::producer).deployment == prepared);
  CHECK(blink.costs->memory(PartyId::server0).deployment > 2 * prepared);
  ThreeParties run(blink, net.weights, {.seed = 3});
  run.preprocess(1);
  CHECK(run.pack_bytes(1, PartyId::server1) > 24 * 20 * 20 * sizeof(tensor::Word32));
  for (const PartyId party : {PartyId::server0, PartyId::server1, PartyId::producer})
    CHECK(run.pack_bytes(1, party) == blink.costs->memory(party).per_pack);
}

/// Z = x: every value that a test wants to see truncated.
Net identity(Shape shape, unsigned f, unsigned activation, unsigned headroom, std::vector<Window> max_pools,
             bool relu) {
  Net net;
  net.spec.input = shape;
  LayerSpec l = layer("identity", shape, shape.channels, {});
  l.fraction_bits = f, l.activation_bits = activation, l.headroom_bits = headroom;
  l.max_pools = std::move(max_pools);
  l.relu = relu;
  LayerWeights w;
  w.filter.assign(l.conv.filter_elements(), 0);
  for (std::size_t c = 0; c < shape.channels; ++c) w.filter[c * shape.channels + c] = 1;
  w.bias.assign(shape.channels, 0);
  net.spec.layers.push_back(l);
  net.weights.push_back(w);
  read_out(net);
  return net;
}

TEST_CASE(
    "encrypted minus exact is 0 or +1 ulp over more than ten million values, the edges of the range among them, on "
    "every instruction set") {
  const tensor::Isa before = tensor::active_isa();
  std::size_t total = 0;
  for (const tensor::Isa isa : tensor::available_isas()) {
    tensor::use_isa(isa);
    CAPTURE(tensor::name(isa));
    for (const bool relu : {true, false})
      for (const std::vector<Window>& pools : {std::vector<Window>{}, {pool2}}) {
        CAPTURE(relu);
        CAPTURE(pools.size());
        const unsigned f = 12, q = f + 10 + 1;
        const Shape shape{512, 512, 4};
        const Net net = identity(shape, f, 10, 1, pools, relu);
        std::mt19937_64 rng(100 + relu);
        const std::int64_t low = -(std::int64_t{1} << q), top = (std::int64_t{1} << q) - (std::int64_t{1} << f);
        const std::int64_t edges[] = {low, low + 1, low + (1 << f) - 1, low + (1 << f), -(1 << f), -1,
                                      0,   1,       (1 << f) - 1,       1 << f,         top - 1,   top};
        std::vector<std::int64_t> x(shape.elements());
        for (std::size_t i = 0; i < x.size(); ++i)
          x[i] = i % 8 == 0 ? edges[(i / 8) % std::size(edges)]
                            : low + static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(top - low + 1));
        ThreeParties run(bind(*find_protocol("blink"), net.spec), net.weights, {.seed = 5});
        run.preprocess(1);
        const auto got = run.predict(1, x), want = exact(net, x);
        std::size_t wrong = 0, up = 0;
        for (std::size_t i = 0; i < got.size(); ++i) {
          wrong += got[i] != want[i] && got[i] != want[i] + 1;
          up += got[i] == want[i] + 1;
        }
        CHECK(wrong == 0);
        // Rounding is unbiased: about half of the random values go up (a quarter each of two ReLU halves).
        const double rate = static_cast<double>(up) / static_cast<double>(got.size());
        CHECK(rate > (relu && pools.empty() ? 0.2 : 0.35));
        CHECK(rate < 0.85);
        total += x.size();
      }
  }
  tensor::use_isa(before);
  if (tensor::available_isas().size() == 3) CHECK(total > 10'000'000);
}

TEST_CASE("the same keys and input give the same bytes on every instruction set") {
  for_each_dealing([](const Protocol& p, Dealing dealing) {
    std::mt19937_64 rng(23);
    Net net;
    net.spec.input = {20, 14, 3};
    LayerSpec a = layer("a", {20, 14, 3}, 20, same3, algorithm_of(p));
    pools_of(p, a) = {pool2};
    add(net, a, 500, rng);
    LayerSpec b = layer("b", {10, 7, 20}, 6, same3);
    add(net, b, 1024, rng);
    const auto x = random_input(net.spec.input.elements(), 500, rng);
    Bound bound = bind(p, net.spec, dealing);
    const std::array<Payload, 2> shares = *bound.clients->share_input(x);
    bound.clients = std::make_shared<FixedWeights>(bound.clients);
    const tensor::Isa before = tensor::active_isa();
    std::vector<Named> reference;
    for (const tensor::Isa isa : tensor::available_isas()) {
      tensor::use_isa(isa);
      ThreeParties run(bound, net.weights, {.seed = 9, .keep_transcript = true});
      const std::size_t set_up = run.transcript().size();
      run.preprocess(1);
      const std::size_t ahead = run.transcript().size();
      run.predict_shares(1, shares);
      const std::span all = run.transcript();
      const std::vector<Named> bytes{named(all.first(set_up)), named(all.subspan(set_up, ahead - set_up)),
                                     named(all.subspan(ahead))};
      CHECK(bytes.back().size() > 10);
      if (reference.empty()) reference = bytes;
      CHECK(bytes == reference);
    }
    tensor::use_isa(before);
  });
}

TEST_CASE("no mask hides two values: over halo rows, pool levels, layers, packs and queries") {
  for_each_dealing([](const Protocol& p, Dealing dealing) {
    std::mt19937_64 rng(31);
    Net net;
    net.spec.input = {64, 48, 3};
    LayerSpec a = layer("a", {64, 48, 3}, 32, same3, algorithm_of(p));
    pools_of(p, a) = {{3, 3, 2, 2}};
    add(net, a, 500, rng);
    LayerSpec b = layer("b", a.out(), 24, same3, algorithm_of(p));
    pools_of(p, b) = {pool2, pool2};
    b.average_pools.push_back(pool2);
    add(net, b, 1024, rng);
    Ledger ledger(9);
    const Bound bound = bind(p, net.spec, dealing);
    ThreeParties run(bound, net.weights, {.seed = 9, .ledger = &ledger});
    CHECK(run.program(PartyId::server0).values()[1].bands.size() > 1);
    for (PackId pack = 1; pack <= 2; ++pack) {
      run.preprocess(pack);
      run.predict(pack, random_input(net.spec.input.elements(), 500, rng));
    }
    // Masks that are sent have no stream at the servers: look at the producer, which draws them from keys of its own.
    const bool sent = dealing.randomness == Dealing::Randomness::sent;
    CHECK((sent ? ledger.own_draws : ledger.uses) > 20);
    CHECK(ledger.overlaps == 0);
    CHECK(ledger.own_overlaps == 0);
    CHECK(ledger.undrawn() == 0);
    if (sent) {
      std::size_t maps = 0;  // each server's mask of each layer's input has its own bytes in each pack
      for (const LayerSpec& l : net.spec.layers) maps += l.conv.in.elements();
      const std::size_t word = bound.clients->input_share_bytes()[0] / net.spec.input.elements();
      CHECK(ledger.own_map_bytes() == 2 * 2 * maps * word);
    }
    // The checker can fail: the same pack again, which the actors refuse.
    run.preprocess(2);
    run.predict(2, random_input(net.spec.input.elements(), 500, rng));
    CHECK((sent ? ledger.own_overlaps : ledger.overlaps) > 0);
  });
}

TEST_CASE("fresh triples open a filter under a new mask with each product, reused ones once a session") {
  for_each_dealing([](const Protocol& p, Dealing dealing) {
    if (!p.dealing_choices) return;
    std::mt19937_64 rng(61);
    Net net;
    net.spec.input = {64, 48, 3};
    LayerSpec a = layer("a", net.spec.input, 32, same3);
    a.relu = false;
    add(net, a, 500, rng);
    read_out(net);
    const Bound bound = bind(p, net.spec, dealing);
    ThreeParties run(bound, net.weights, {.seed = 9, .keep_transcript = true});
    const std::size_t word = bound.clients->input_share_bytes()[0] / net.spec.input.elements(),
                      filter = a.conv.filter_elements() * word,
                      bands = run.program(PartyId::server0).values()[1].bands.size();
    CHECK(bands > 1);
    const bool fresh = dealing.triples == Dealing::Triples::fresh;
    // No other message of this layer has as many bytes.
    std::map<std::pair<std::size_t, PartyId>, std::vector<Payload>> openings;  // by pack and sender
    std::size_t from = 0;
    for (PackId pack = 0; pack <= 2; ++pack) {
      if (pack > 0) {
        run.preprocess(pack);
        run.predict(pack, random_input(net.spec.input.elements(), 500, rng));
      }
      for (; from < run.transcript().size(); ++from) {
        const auto& c = run.transcript()[from];
        if (c.value == 1 && is_server(c.from) && is_server(c.to) && c.payload.size() == filter) {
          auto& of = openings[{pack, c.from}];
          of.resize(bands);
          CHECK(of[c.band].empty());
          of[c.band] = c.payload;
        }
      }
    }
    REQUIRE(openings.size() == (fresh ? 4 : 2));
    CHECK(openings.begin()->first.first == (fresh ? 1 : 0));
    if (!fresh) return;
    // F = W - B of each product: W is one, so where two differ their masks do.
    using Words = std::vector<std::uint64_t>;
    std::vector<std::array<Words, 3>> opened;  // each server's share of F, and F
    for (const std::size_t pack : {1, 2})
      for (std::size_t band = 0; band < bands; ++band) {
        auto& f = opened.emplace_back();
        for (auto& words : f) words.assign(a.conv.filter_elements(), 0);
        for (const PartyId server : {PartyId::server0, PartyId::server1}) {
          const Payload& message = openings[{pack, server}][band];
          REQUIRE(message.size() == filter);
          for (std::size_t i = 0; i < f[2].size(); ++i) {
            std::uint64_t low;  // also of a longer word's sum
            std::memcpy(&low, message.data() + i * word, sizeof low);
            f[static_cast<std::size_t>(server)][i] = low;
            f[2][i] += low;
          }
        }
      }
    for (std::size_t i = 0; i < opened.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        for (unsigned part = 0; part < 3; ++part) {
          std::size_t same = 0;
          for (std::size_t k = 0; k < opened[i][part].size(); ++k) same += opened[i][part][k] == opened[j][part][k];
          CHECK(same == 0);
        }
  });
}

TEST_CASE("what is dealt again for a pack is the same bytes") {
  for_each_dealing([](const Protocol& p, Dealing dealing) {
    std::mt19937_64 rng(37);
    Net net;
    net.spec.input = {16, 16, 4};
    LayerSpec a = layer("a", net.spec.input, 8, same3, algorithm_of(p));
    pools_of(p, a) = {pool2};
    add(net, a, 500, rng);
    read_out(net);
    const Bound bound = bind(p, net.spec, dealing);
    const auto shares = *bound.clients->share_input(random_input(net.spec.input.elements(), 500, rng));
    ThreeParties run(bound, net.weights, {.seed = 2, .keep_transcript = true});
    // Where the producer helps online, what it deals there follows also from what the servers ask it: the same shares.
    auto dealt = [&](PackId pack) {
      const std::size_t from = run.transcript().size();
      run.preprocess(pack);
      if (p.producer_online) run.predict_shares(pack, shares);
      std::vector<testing::Crossed> producers;
      for (const auto& c : std::span(run.transcript()).subspan(from))
        if (c.from == PartyId::producer) producers.push_back(c);
      return named(producers);
    };
    const auto first = dealt(4), again = dealt(4), other = dealt(5);
    CHECK(!first.empty());
    CHECK(first == again);
    REQUIRE(other.size() == first.size());
    for (const auto& [name, payload] : other) CHECK(payload != first.at(name));
  });
}

TEST_CASE("a message of the wrong length, round or sender is an error that names layer and step, never a crash") {
  for_each_dealing([](const Protocol& p, Dealing dealing) {
    std::mt19937_64 rng(41);
    Net net;
    net.spec.input = {8, 8, 2};
    LayerSpec l = layer("first", net.spec.input, 4, same3, algorithm_of(p));
    pools_of(p, l) = {pool2};
    add(net, l, 500, rng);
    read_out(net);
    const auto x = random_input(net.spec.input.elements(), 500, rng);
    const Bound bound = bind(p, net.spec, dealing);
    std::size_t total = 0;
    {
      ThreeParties run(bound, net.weights, {.seed = 2, .keep_transcript = true});
      run.preprocess(1);
      run.predict(1, x);
      total = run.transcript().size();
    }
    enum Fault { longer, shorter, round, empty, sender, faults };
    for (std::size_t victim = 0; victim < total; ++victim)
      for (int fault = 0; fault < faults; ++fault) {
        std::size_t at = 0;
        ThreeParties::Options options{.seed = 2};
        bool tampered = false;
        options.tamper = [&](testing::Crossed& c) {
          if (at++ != victim) return;
          tampered = true;
          if (fault == longer) c.payload.push_back(0);
          if (fault == shorter) c.payload.pop_back();
          if (fault == round) c.round += 1;
          if (fault == empty) c.payload.clear();
          if (fault == sender) c.from = c.from == PartyId::client ? PartyId::producer : PartyId::client;
        };
        std::string what;
        try {
          ThreeParties run(bound, net.weights, options);
          run.preprocess(1);
          run.predict(1, x);
        } catch (const std::runtime_error& e) {
          what = e.what();
        }
        CAPTURE(victim);
        CAPTURE(fault);
        CAPTURE(what);
        CHECK(tampered);
        const bool names_where = what.find("layer '") != std::string::npos || what.find("input") != std::string::npos;
        // A sender of whom nothing is awaited yet is kept waiting, and never taken for another.
        CHECK((names_where || (fault == sender && what.find("waits for ever in value") != std::string::npos)));
      }
  });
}

TEST_CASE("no bit above a value's width is on the wire: pad bits of every message are zero") {
  std::mt19937_64 rng(43);
  Net net;
  net.spec.input = {7, 3, 1};  // 21 values: every message ends in pad bits
  add(net, layer("a", net.spec.input, 1, same3), 500, rng);
  read_out(net);
  ThreeParties run(bind(*find_protocol("blink"), net.spec), net.weights, {.seed = 2, .keep_transcript = true});
  run.preprocess(1);
  const std::size_t online = run.transcript().size();
  run.predict(1, random_input(21, 500, rng));
  std::size_t looked_at = 0;
  for (std::size_t i = online; i < run.transcript().size(); ++i)
    for (const unsigned bits : {1u, 12u, 24u})
      if (const auto& c = run.transcript()[i]; c.payload.size() == tensor::packed_bytes(21, bits) && 21 * bits % 8) {
        CHECK((c.payload.back() >> (21 * bits % 8)) == 0);
        ++looked_at;
      }
  CHECK(looked_at >= 6);
}

/// What a protocol's check says of two layers after a change; empty: nothing.
template <class Change>
std::string refused(const Protocol& p, const Change& change, const Dealing& dealing = {}) {
  std::mt19937_64 rng(1);
  Net net;
  net.spec.input = {16, 16, 4};
  add(net, layer("first", net.spec.input, 8, same3, algorithm_of(p)), 500, rng);
  add(net, layer("second", {16, 16, 8}, 8, same3), 1024, rng);
  change(net.spec);
  const auto bound = p.bind(net.spec, dealing);
  return bound ? std::string() : bound.error().what;
}

TEST_CASE("plans that cannot work are refused with the layer's name") {
  for_each_dealing([](const Protocol& p, Dealing dealing) {
    const auto names = [&](const char* name, auto change) {
      return refused(p, change, dealing).find(std::string("layer '") + name + "'") != std::string::npos;
    };
    CHECK(refused(
              p, [](NetworkSpec&) {}, dealing)
              .empty());
    CHECK(names("second", [](NetworkSpec& n) { n.layers[1].conv.in.channels = 9; }));
    CHECK(names("second", [](NetworkSpec& n) { n.layers[1].conv.in = {8, 32, 8}; }));
    CHECK(names("first", [](NetworkSpec& n) { n.layers[0].conv.window.height = 40; }));
    CHECK(names("first", [](NetworkSpec& n) { n.layers[0].conv.window.stride_x = 0; }));
    CHECK(names("first", [](NetworkSpec& n) { n.layers[0].conv.out_channels = 0; }));
    CHECK(names("first", [](NetworkSpec& n) { n.layers[0].fraction_bits = 61; }));
    CHECK(names("first", [](NetworkSpec& n) { n.layers[0].headroom_bits = 60; }));
    for (auto pools : {&LayerSpec::max_pools, &LayerSpec::average_pools}) {
      CHECK(names("first", [&](NetworkSpec& n) { n.layers[0].*pools = {{40, 40, 1, 1}}; }));
      CHECK(names("second", [&](NetworkSpec& n) { n.layers[1].*pools = {{2, 2, 0, 1}}; }));
      CHECK(names("second", [&](NetworkSpec& n) { n.layers[1].*pools = {{0, 2, 1, 1}}; }));
      // Strides whose product would wrap: refused or laid out, but no division by zero.
      refused(
          p,
          [&](NetworkSpec& n) {
            n.layers[0].conv = {{16, 16, 4}, 8, {16, 16, 1, 1}};
            n.layers[0].algorithm = ConvAlgorithm::direct;
            (n.layers[0].*pools).assign(4, {1, 1, 65536, 65536});
            n.layers[1].conv = {{1, 1, 8}, 8, {}};
          },
          dealing);
    }
    CHECK_FALSE(refused(p, [](NetworkSpec& n) { n.layers.clear(); }).empty());
  });
}

TEST_CASE("the oracle refuses what its words cannot hold, and it alone takes what no other does") {
  const auto wide = [](NetworkSpec& n, unsigned f) {
    n.layers[0].activation_bits = 30;
    n.layers[0].fraction_bits = f;
    n.layers[0].algorithm = ConvAlgorithm::winograd4;
  };
  const Protocol& oracle = *find_protocol("plaintext");
  CHECK(refused(oracle, [&](NetworkSpec& n) { wide(n, 26); }).empty());
  const std::string why = refused(oracle, [&](NetworkSpec& n) { wide(n, 27); });
  CHECK(why.find("layer 'first': its linear result has 59 bits, and its algorithm winograd4 spends 6 more") == 0);
  for_each_dealing([&](const Protocol& p, Dealing dealing) {
    CHECK_FALSE(refused(
                    p, [&](NetworkSpec& n) { wide(n, 26); }, dealing)
                    .empty());
  });
}

}  // namespace
}  // namespace blindsight::protocol
