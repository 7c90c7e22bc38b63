// The linear part of the Beaver family by itself: a protocol of shares and triples whose only other operation is the
// local truncation.
#include "protocol/beaver/program.h"

#include <doctest/doctest.h>

#include <random>

#include "protocol/plaintext/layer.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::beaver {
namespace {

using tensor::Word128;
using tensor::Word64;
using testing::ThreeParties;

template <class Word>
Routine<Buffer<Word>> truncate_only(Channel&, ShareSource& source, const BandContext& t, const Prg&, Buffer<Word> z) {
  // Arithmetic shift: the sign comes down from the top.
  const auto shift = [f = t.layer.fraction_bits](Word v) {
    const Word top = v >> (8 * sizeof(Word) - 1) ? ~(~Word{0} >> f) : Word{0};
    return static_cast<Word>(v >> f | top);
  };
  for (Word& v : z) v = source.self() == PartyId::server0 ? shift(v) : Word{0} - shift(Word{0} - v);
  co_return z;
}

Routine<> no_help(Channel&, const BandContext&, const ShareKeys&) {
  co_return;
}

template <class Word>
Scheme<Word> scheme(bool ahead) {
  Scheme<Word> s{};
  s.deals_ahead = ahead;
  s.band_elements = 200;  // several bands with halo rows
  s.bands_at_once = 2;
  s.evaluate = truncate_only<Word>;
  s.help = no_help;
  s.cost = [](const BandContext&) { return NonlinearCost{}; };
  s.working = [](const LayerSpec&, const BandLayout&) { return std::size_t{0}; };
  s.check_layer = [](const LayerSpec&) { return Result<void>{}; };
  s.stated_error = [](const LayerSpec&) { return 1.0; };
  return s;
}

TEST_CASE_TEMPLATE("linear layers under triples fresh or reused, randomness sent or seeded, dealt ahead or online",
                   Word, Word64, Word128) {
  std::mt19937_64 rng(1);
  NetworkSpec net;
  net.input = {12, 10, 3};
  std::vector<LayerWeights> weights;
  tensor::Shape in = net.input;
  for (const std::size_t channels : {5, 4, 6}) {
    LayerSpec l;
    l.name = "layer " + std::to_string(channels);
    l.conv = {in, channels, {3, 3, 1, 1, 1, 1, 1, 1}};
    l.fraction_bits = 8;
    if (channels == 4) l.average_pools = {{2, 2, 2, 2}};
    in = l.out();
    if (channels == 4) in = {1, 1, in.elements()};
    if (channels == 6) l.conv.window = {};
    LayerWeights w;
    for (std::size_t i = 0; i < l.conv.filter_elements(); ++i) w.filter.push_back(static_cast<int>(rng() % 401) - 200);
    for (std::size_t i = 0; i < l.conv.out_channels; ++i) w.bias.push_back(static_cast<int>(rng() % 20001) - 10000);
    net.layers.push_back(l);
    weights.push_back(w);
  }
  for (const bool ahead : {true, false}) {
    const Scheme<Word> linear = scheme<Word>(ahead);
    const BeaverProtocol<Word> p({.name = "linear", .summary = "no ReLU"}, linear);
    for (const auto triples : {Dealing::Triples::reused, Dealing::Triples::fresh})
      for (const auto randomness : {Dealing::Randomness::seeded, Dealing::Randomness::sent}) {
        const Bound bound = testing::bind(p, net, {triples, randomness});
        ThreeParties run(bound, weights, {.seed = rng()});
        CHECK(run.program(PartyId::server0).values()[1].bands.size() > 1);
        for (PackId pack = 1; pack <= 2; ++pack) {
          if (pack == 2) run.deliver_in_rounds();
          std::vector<std::int64_t> x(net.input.elements());
          for (auto& v : x) v = static_cast<std::int64_t>(rng() % 1001) - 500;
          run.preprocess(pack);
          for (const PartyId id : {PartyId::server0, PartyId::server1, PartyId::producer})
            CHECK(run.pack_bytes(pack, id) == bound.costs->memory(id).per_pack);
          const auto got = run.predict(pack, x);
          for (std::size_t i = 0; i < net.layers.size(); ++i)
            x = plaintext::evaluate(net.layers[i], plaintext::prepare(net.layers[i], weights[i]), x);
          REQUIRE(got.size() == x.size());
          double worst = 0, mean = 0;
          for (std::size_t i = 0; i < x.size(); ++i) {
            worst = std::max(worst, std::abs(static_cast<double>(got[i] - x[i])));
            mean += std::abs(static_cast<double>(x[i])) / static_cast<double>(x.size());
          }
          CHECK(worst < 100);  // ulps of the layers before, times their weights
          CHECK(mean > 100);
        }
        Cost set_up;
        for (ValueId s = 0; s <= net.layers.size(); ++s) {
          CAPTURE(s);
          Cost declared = bound.costs->online(s);
          CHECK(declared.rounds == run.rounds()[s]);
          declared.rounds = 0;
          CHECK(run.online_cost()[s] == declared);
          CHECK(run.offline_cost()[s] == bound.costs->offline(s));
          if (s != input_value) set_up += bound.costs->set_up(layer_of(s));
        }
        CHECK(run.set_up_cost() == set_up);
      }
  }
}

}  // namespace
}  // namespace blindsight::protocol::beaver
