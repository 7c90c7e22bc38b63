#include "tests/protocol/support/networks.h"

#include <stdexcept>

namespace blindsight::protocol::testing {

using tensor::ConvAlgorithm;
using tensor::Shape;
using tensor::Window;

LayerSpec layer(std::string name, Shape in, std::size_t out_channels, Window window, ConvAlgorithm algorithm) {
  LayerSpec l;
  l.name = std::move(name);
  l.conv = {in, out_channels, window};
  l.algorithm = algorithm;
  l.relu = true;
  l.relu_fit.even = {15.0 / 256, 105.0 / 128, -105.0 / 256};
  return l;
}

void read_out(Net& net) {
  const Shape in = net.spec.layers.empty() ? net.spec.input : net.spec.layers.back().out();
  LayerSpec l = layer("read out", in, in.channels, {});
  l.relu = false;
  l.fraction_bits = 8;
  l.activation_bits = 14;
  LayerWeights w;
  w.filter.assign(l.conv.filter_elements(), 0);
  for (std::size_t c = 0; c < in.channels; ++c) w.filter[c * in.channels + c] = 1 << l.fraction_bits;
  w.bias.assign(in.channels, 0);
  net.spec.layers.push_back(l);
  net.weights.push_back(w);
}

void add(Net& net, LayerSpec l, std::int64_t largest, std::mt19937_64& rng) {
  const std::int64_t terms = static_cast<std::int64_t>(l.conv.window.height * l.conv.window.width * l.conv.in.channels);
  const std::int64_t bound = (std::int64_t{1} << l.range_bits()) - (std::int64_t{2} << l.fraction_bits);
  const std::int64_t w = std::max<std::int64_t>(1, bound / 2 / (terms * largest));
  LayerWeights weights;
  weights.filter.resize(l.conv.filter_elements());
  for (auto& v : weights.filter)
    v = static_cast<std::int32_t>(static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(2 * w + 1)) - w);
  weights.bias.resize(l.bias_elements());
  for (auto& v : weights.bias) v = static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(bound / 2)) - bound / 4;
  net.spec.layers.push_back(std::move(l));
  net.weights.push_back(std::move(weights));
}

std::vector<std::int64_t> random_input(std::size_t n, std::int64_t largest, std::mt19937_64& rng) {
  std::vector<std::int64_t> x(n);
  for (auto& v : x) v = static_cast<std::int64_t>(rng() % static_cast<std::uint64_t>(2 * largest + 1)) - largest;
  return x;
}

Bound bind(const Protocol& protocol, const NetworkSpec& network, const Dealing& dealing) {
  auto bound = protocol.bind(network, dealing);
  if (!bound) throw std::runtime_error(bound.error().what);
  return *bound;
}

std::vector<Dealing> dealings(const Protocol& protocol) {
  using enum Dealing::Triples;
  using enum Dealing::Randomness;
  if (!protocol.dealing_choices) return {{}};
  return {{reused, seeded}, {reused, sent}, {fresh, seeded}, {fresh, sent}};
}

}  // namespace blindsight::protocol::testing
