#include "protocol/beaver/linear.h"

#include <doctest/doctest.h>

#include "protocol/core/bias.h"
#include "protocol/plaintext/conv2d.h"
#include "tests/protocol/support/ledger.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"
#include "tests/protocol/support/two_servers.h"

namespace blindsight::protocol::beaver {
namespace {

using Randomness = Dealing::Randomness;
using tensor::Word128;
using tensor::Word64;
using testing::keys_from_seed;

constexpr PackId pack = 5;
constexpr ValueId value = 1;

testing::Net net_of(bool bias_per_position) {
  std::mt19937_64 rng(1);
  testing::Net net;
  net.spec.input = {9, 6, 3};
  LayerSpec l = testing::layer("conv1", net.spec.input, 4, testing::same3);
  l.bias_per_position = bias_per_position;
  testing::add(net, l, 500, rng);
  testing::read_out(net);
  return net;
}

/// Two servers that opened a layer's filter, and the producer that dealt its mask.
template <class Word>
struct Opened {
  std::array<PackKeysPtr, 3> keys;
  ShareKeys share_keys;
  Stream stream{.pack = pack, .value = value};
  Dealer dealer{share_keys, stream};
  Filters<Word> mask;
  std::array<Payload, 2> weight_shares;
  testing::TwoServers servers;
  std::array<Filters<Word>, 2> filters;

  Opened(const testing::Net& net, Randomness randomness, MaskLedger* ledger = nullptr)
      : keys(keys_from_seed(1, pack, ledger)),
        share_keys(keys[2], randomness),
        mask(filter_mask<Word>(dealer, net.spec.layers[0])),
        weight_shares(*share_layer<Word>(net.spec.layers[0], net.weights[0])) {
    const std::array<Payload, 2> dealt{dealer.take(PartyId::server0), dealer.take(PartyId::server1)};
    const auto server = [&](PartyId self) {
      return [&, self](Channel& channel) -> Routine<> {
        const auto i = static_cast<unsigned>(self);
        ShareSource source(keys[i]->with(PartyId::producer), self, randomness, stream, dealt[i]);
        filters[i] = co_await open_filter<Word>(channel, source, net.spec.layers[0], weight_shares[i]);
      };
    };
    const auto server0 = server(PartyId::server0), server1 = server(PartyId::server1);
    servers.run(server0, server1);
  }
};

TEST_CASE_TEMPLATE("E*W_j + A_j*F + C_j + bias_j of both servers is X*W + bias, on every band, sent or seeded", Word,
                   Word64, Word128) {
  for (const bool per_position : {false, true}) {
    const testing::Net net = net_of(per_position);
    const LayerSpec& l = net.spec.layers[0];
    std::mt19937_64 rng(2);
    const auto x = testing::random_input(net.spec.input.elements(), 500, rng);
    const auto expected = plaintext::conv2d(plaintext::prepare(l, net.weights[0]), x);
    for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) {
      Opened<Word> opened(net, randomness);
      const std::size_t row = l.conv.in.row_elements(), out_row = l.conv_out().row_elements();
      const Buffer<Word> a = input_mask<Word>(opened.share_keys, pack, input_value, 0, x.size());
      Buffer<Word> e(x.size());
      for (std::size_t i = 0; i < e.size(); ++i) e[i] = static_cast<Word>(x[i]) - a[i];

      std::vector<std::int64_t> got;
      const auto all = bands(net.spec, 0, 4);
      CHECK(all.size() > 1);
      for (std::size_t band = 0; band < all.size(); ++band) {
        const BandLayout& layout = all[band];
        const Stream stream{.pack = pack, .value = value, .band = static_cast<std::uint16_t>(band)};
        Dealer dealer(opened.share_keys, stream);
        deal_product(dealer, opened.share_keys, pack, input_value, l, layout, opened.mask);
        Buffer<Word> sum(layout.conv.size() * out_row, 0);
        for (const PartyId self : {PartyId::server0, PartyId::server1}) {
          const auto i = static_cast<unsigned>(self);
          const Payload dealt = dealer.take(self);
          ShareSource source(opened.keys[i]->with(PartyId::producer), self, randomness, stream, dealt);
          Buffer<Word> z = source.dealt<Word>({static_cast<std::uint8_t>(Field::product)}, sum.size());
          // Where masks are sent, a server has its share from the producer's own generator.
          const std::size_t first = layout.in.begin * row, n = layout.in.size() * row;
          const Buffer<Word> own = input_mask<Word>(opened.share_keys.of(self), pack, input_value, first, n);
          tensor::convolve_rows<Word>(*opened.filters[i].masked, own, layout.in, layout.conv, z, true);
          tensor::convolve_rows<Word>(*opened.filters[i].weights, std::span<const Word>(e).subspan(first, n), layout.in,
                                      layout.conv, z, true);
          add_bias<Word>(bias_share<Word>(l, opened.weight_shares[i], layout.conv), 0, z);
          for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += z[k];
        }
        for (const Word word : sum) got.push_back(static_cast<std::int64_t>(word));
      }
      CHECK(got == expected);
    }
  }
}

TEST_CASE("opening a filter takes one message of its size each way, under a mask that the ledger hears of") {
  const testing::Net net = net_of(false);
  for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) {
    testing::Ledger ledger(1);
    const Opened<Word64> opened(net, randomness, &ledger);
    const std::size_t bytes = filter_bytes<Word64>(net.spec.layers[0]);
    CHECK(opened.servers.rounds == 1);
    for (const auto& sent : opened.servers.sent) {
      REQUIRE(sent.size() == 1);
      CHECK(sent[0].size() == bytes);
    }
    CHECK(ledger.bytes_opened == (randomness == Randomness::seeded ? 2 * bytes : 0));
    CHECK(opened.filters[0].masked->data == opened.filters[1].masked->data);
  }
}

TEST_CASE_TEMPLATE("weights are shared with their sign, differently each time, and refused when their number is wrong",
                   Word, Word64, Word128) {
  const testing::Net net = net_of(false);
  const LayerSpec& l = net.spec.layers[0];
  const auto shares = share_layer<Word>(l, net.weights[0]), again = share_layer<Word>(l, net.weights[0]);
  REQUIRE(shares);
  CHECK((*shares)[0] != (*again)[0]);
  const auto first = to_words<Word>((*shares)[0]), second = to_words<Word>((*shares)[1]);
  REQUIRE(first.size() * sizeof(Word) == weight_share_bytes<Word>(l));
  REQUIRE(second.size() == first.size());
  const std::size_t n = net.weights[0].filter.size();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::int64_t weight = i < n ? net.weights[0].filter[i] : net.weights[0].bias[i - n];
    wrong += static_cast<Word>(first[i] + second[i]) != static_cast<Word>(weight);
  }
  CHECK(wrong == 0);
  LayerWeights fewer = net.weights[0];
  fewer.filter.pop_back();
  const auto refused = share_layer<Word>(l, fewer);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("layer 'conv1'") == 0);
}

TEST_CASE("a mask of a value is addressed by absolute element") {
  const auto keys = keys_from_seed(1, pack);
  const ShareKeys share_keys(keys[2], Randomness::seeded);
  const Buffer<Word64> whole = input_mask<Word64>(share_keys, pack, value, 0, 100),
                       part = input_mask<Word64>(share_keys, pack, value, 30, 20);
  CHECK(std::equal(part.begin(), part.end(), whole.begin() + 30));
  CHECK(input_mask<Word64>(share_keys, pack + 1, value, 0, 100) != whole);
  CHECK(input_mask<Word64>(share_keys, pack, value + 1, 0, 100) != whole);
}

TEST_CASE("a sharing of zero changes both shares and not their sum") {
  const auto keys = keys_from_seed(1, pack);
  const Stream stream{.pack = pack, .kind = static_cast<std::uint8_t>(Field::zero)};
  Buffer<Word64> first(9, 5), second(9, 6);
  add_zero<Word64>(keys[0]->with(PartyId::server1), stream, PartyId::server0, first);
  add_zero<Word64>(keys[1]->with(PartyId::server0), stream, PartyId::server1, second);
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(first[i] != 5);
    CHECK(first[i] + second[i] == 11);
  }
}

}  // namespace
}  // namespace blindsight::protocol::beaver
