#include "protocol/pond/protocol.h"

#include <doctest/doctest.h>

#include "support.h"
#include "tests/protocol/support/networks.h"

namespace blindsight::protocol::pond {
namespace {

NetworkSpec network_of(LayerSpec l) {
  NetworkSpec network;
  network.input = l.conv.in;
  network.layers = {std::move(l)};
  return network;
}

LayerSpec layer() {
  return protocol::testing::layer("conv1", {8, 8, 2}, 4, protocol::testing::same3);
}

std::string refusal(LayerSpec l) {
  const auto ok = pond::protocol().check(network_of(std::move(l)));
  return ok ? std::string() : ok.error().what;
}

TEST_CASE("Pond refuses by name what it cannot compute: max pools, too wide ranges, ReLU without a polynomial") {
  CHECK(refusal(layer()).empty());
  LayerSpec l = layer();
  l.max_pools = {protocol::testing::pool2};
  CHECK(refusal(l).find("layer 'conv1': Pond has no max pooling") == 0);
  l = layer();
  l.relu = false;
  l.fraction_bits = 30, l.activation_bits = 29, l.headroom_bits = 1;
  CHECK(refusal(l).empty());
  l.headroom_bits = 2;
  CHECK(refusal(l).find("layer 'conv1': fraction, activation and headroom bits are 61") == 0);
  l = layer();
  l.fraction_bits = 0;
  CHECK(refusal(l).find("at least one fraction bit") != std::string::npos);
  l = layer();
  l.relu_fit = {};
  CHECK(refusal(l).find("layer 'conv1'") == 0);
  l.relu = false;
  CHECK(refusal(l).empty());
}

TEST_CASE("Pond computes in one ring of 128 bits, cannot compare, and its producer has no part online") {
  const Rings rings = pond::protocol().rings(network_of(layer()), 0);
  CHECK(rings.linear_bits == 128);
  CHECK(rings.small_bits == 0);
  CHECK(rings.word_bits == 128);
  CHECK_FALSE(pond::protocol().compares);
  CHECK_FALSE(pond::protocol().producer_online);
  CHECK(pond::protocol().dealing_choices);
}

TEST_CASE("Pond declares the costs of its ReLU over the elements of a layer, and none without one") {
  LayerSpec l = layer();
  const ReluSizes sizes = relu_sizes(l, l.relu_shape().elements());
  const Bound bound = protocol::testing::bind(pond::protocol(), network_of(l));
  const Cost with = bound.costs->online(value_of(0)), dealt = bound.costs->offline(value_of(0));
  l.relu = false;
  const Bound linear = protocol::testing::bind(pond::protocol(), network_of(l));
  const Cost without = linear.costs->online(value_of(0)), dealt_without = linear.costs->offline(value_of(0));
  CHECK(with.rounds - without.rounds == sizes.rounds);
  CHECK(with.server0_to_server1 - without.server0_to_server1 == sizes.opened_bytes);
  CHECK(dealt.producer_to_server1 - dealt_without.producer_to_server1 ==
        sizes.bytes_sent(Dealing::Randomness::seeded, PartyId::server1));
  CHECK(linear.costs->stated_error(0) == 1);
  CHECK(bound.costs->stated_error(0) > relu_error(layer(), 1));
}

TEST_CASE("Pond's stated error counts every element of a window sum") {
  LayerSpec l = layer();
  l.relu = false;
  l.average_pools = {{2, 3, 2, 2}};
  CHECK(protocol::testing::bind(pond::protocol(), network_of(l)).costs->stated_error(0) == 6);
}

}  // namespace
}  // namespace blindsight::protocol::pond
