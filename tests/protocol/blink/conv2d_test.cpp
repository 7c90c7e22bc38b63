#include "protocol/blink/conv2d.h"

#include <doctest/doctest.h>

#include "protocol/plaintext/conv2d.h"
#include "tests/protocol/blink/one_layer.h"
#include "tests/protocol/support/ledger.h"

namespace blindsight::protocol::blink {
namespace {

using protocol::testing::Net;
using tensor::ConvAlgorithm;
using testing::OneLayer;

constexpr PackId pack = OneLayer::pack;

Net net_of(ConvAlgorithm algorithm = ConvAlgorithm::direct, bool bias_per_position = false) {
  std::mt19937_64 rng(1);
  Net net;
  net.spec.input = {9, 6, 3};
  LayerSpec l = protocol::testing::layer("conv1", net.spec.input, 4, protocol::testing::same3, algorithm);
  l.bias_per_position = bias_per_position;
  protocol::testing::add(net, l, 500, rng);
  protocol::testing::read_out(net);
  return net;
}

TEST_CASE("E*W_i + G_i of both servers is X*W + bias mod 2^K, on every band, under every algorithm") {
  for (const auto algorithm : {ConvAlgorithm::direct, ConvAlgorithm::winograd2, ConvAlgorithm::winograd4})
    for (const bool per_position : {false, true})
      for (const PartyId receiver : {PartyId::server0, PartyId::server1}) {
        CAPTURE(tensor::name(algorithm));
        const OneLayer one(net_of(algorithm, per_position));
        const LayerSpec& l = one.layer();
        std::mt19937_64 rng(2);
        const auto x = protocol::testing::random_input(one.net.spec.input.elements(), 500, rng);
        const Buffer<Word32> e = one.masked(x);
        std::vector<std::int64_t> got;
        const auto all = protocol::bands(one.net.spec, 0, 4);
        CHECK(all.size() > 1);
        for (std::size_t band = 0; band < all.size(); ++band) {
          const Stream stream{.pack = pack, .value = 1, .band = static_cast<std::uint16_t>(band)};
          Dealer dealer(one.with_producer(0), one.with_producer(1), stream, receiver);
          deal_product(dealer, l, one.w, pack, input_value, all[band], one.with_producer(0), one.with_producer(1),
                       one.mask);
          const Payload correction = dealer.take();
          CHECK(correction.size() == product_correction_bytes(l, one.w, all[band]));
          std::array<Buffer<Word32>, 2> z;
          for (const PartyId self : {PartyId::server0, PartyId::server1}) {
            const auto i = static_cast<unsigned>(self);
            ShareSource source(one.with_producer(i), stream, self == receiver, correction);
            z[i] =
                prepare_product(source, l, one.w, pack, input_value, all[band], one.with_producer(i), one.filters[i]);
            linear_rows(l, all[band], one.filters[i], e, z[i]);
          }
          for (std::size_t k = 0; k < z[0].size(); ++k)
            got.push_back(tensor::as_signed(Word64{z[0][k]} + z[1][k], one.w.linear));
        }
        CHECK(got == plaintext::conv2d(plaintext::prepare(l, one.net.weights[0]), x));
      }
}

TEST_CASE("weights are shared on the layer's ring, and refused when they do not fit it") {
  const Net net = net_of();
  const LayerSpec& l = net.spec.layers[0];
  const Widths w = widths(net.spec, 0);
  const auto shares = share_layer(l, w, net.weights[0]), again = share_layer(l, w, net.weights[0]);
  REQUIRE(shares);
  CHECK((*shares)[0] != (*again)[0]);
  const std::size_t n = l.conv.filter_elements(), bytes = tensor::packed_bytes(n, w.linear);
  std::array<Buffer<Word32>, 2> words{Buffer<Word32>(n), Buffer<Word32>(n)};
  for (unsigned j = 0; j < 2; ++j) {
    CHECK((*shares)[j].size() == weight_share_bytes(l, w));
    tensor::unpack_bits(std::span((*shares)[j]).first(bytes), w.linear, std::span<Word32>(words[j]));
  }
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < n; ++i)
    wrong += tensor::as_signed(Word64{words[0][i]} + words[1][i], w.linear) != net.weights[0].filter[i];
  CHECK(wrong == 0);

  const auto refused = [&](auto change) {
    LayerWeights weights = net.weights[0];
    change(weights);
    const auto no = share_layer(l, w, weights);
    REQUIRE_FALSE(no);
    CHECK(no.error().what.find("layer 'conv1': ") == 0);
  };
  const std::int32_t limit = 1 << (w.linear - 1);
  refused([](LayerWeights& v) { v.bias.pop_back(); });
  refused([](LayerWeights& v) { v.filter.push_back(0); });
  refused([&](LayerWeights& v) { v.filter[3] = limit; });
  refused([&](LayerWeights& v) { v.filter[3] = -limit - 1; });
  refused([&](LayerWeights& v) { v.bias[1] = limit; });
  refused([&](LayerWeights& v) { v.bias[1] = std::int64_t{-limit} - 1; });
}

TEST_CASE("a filter is opened with one message each way, under a mask that the ledger hears of") {
  protocol::testing::Ledger ledger(9);
  const OneLayer one(net_of(), &ledger);
  CHECK(one.filters[0].masked->data == one.filters[1].masked->data);
  CHECK(ledger.bytes_opened == 2 * one.layer().conv.filter_elements() * sizeof(Word32));
  CHECK(ledger.overlaps == 0);

  for (const auto& [from, round, less] :
       {std::tuple{PartyId::server1, 0, 1}, {PartyId::server1, 1, 0}, {PartyId::producer, 0, 0}}) {
    Filters filters;
    OpenFilter step(one.layer(), one.w, 1, PartyId::server0, one.set_up_keys[0], one.weight_shares[0], filters);
    const auto sent = step.begin();
    REQUIRE(sent);
    REQUIRE(sent->outbound.size() == 1);
    CHECK(sent->outbound[0].to == PartyId::server1);
    const std::size_t bytes = sent->outbound[0].payload.size() - static_cast<std::size_t>(less);
    const auto refused = step.advance({from, static_cast<std::uint16_t>(round), Payload(bytes, 0)});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("layer 'conv1'") != std::string::npos);
  }
  Filters filters;
  const Payload shorter(one.weight_shares[0].size() - 1, 0);
  CHECK_FALSE(OpenFilter(one.layer(), one.w, 1, PartyId::server0, one.set_up_keys[0], shorter, filters).begin());
}

}  // namespace
}  // namespace blindsight::protocol::blink
