#include "model/plan/report.h"

#include <cmath>
#include <cstdio>

namespace blindsight::model {
namespace {

using tensor::ConvAlgorithm;
using tensor::ConvShape;

std::uint64_t multiplications(const ConvShape& conv, ConvAlgorithm algorithm) {
  if (algorithm == ConvAlgorithm::direct) return conv.macs();
  // F(m×m,3×3): (m + 2)² products per tile of m×m outputs and pair of channels.
  const std::size_t m = algorithm == ConvAlgorithm::winograd4 ? 4 : 2;
  const auto out = conv.out();
  return (out.height + m - 1) / m * ((out.width + m - 1) / m) * (m + 2) * (m + 2) * conv.in.channels *
         conv.out_channels;
}

/// A window of n elements is n − 1 comparisons.
std::uint64_t max_comparisons(const protocol::LayerSpec& layer) {
  std::uint64_t sum = 0;
  tensor::Shape s = layer.conv_out();
  for (const auto& w : layer.max_pools) {
    s = {w.out_height(s.height), w.out_width(s.width), s.channels};
    sum += s.elements() * (w.height * w.width - 1);
  }
  return sum;
}

}  // namespace

std::string describe(const protocol::ReluFit& fit) {
  if (fit.even.empty()) return {};
  char text[64];
  std::snprintf(text, sizeof text, "degree %u: worst %.4f, rms %.4f", fit.degree(), fit.worst, fit.rms);
  return text;
}

PlanReport report(const Plan& plan, const protocol::Bound& bound) {
  const protocol::Protocol& protocol = *bound.protocol;
  const protocol::Costs& costs = *bound.costs;
  PlanReport all;
  const auto& network = plan.network;
  all.input_online = costs.online(protocol::input_value);
  all.input_offline = costs.offline(protocol::input_value);
  all.online = all.input_online;
  all.offline = all.input_offline;
  for (protocol::LayerId i = 0; i < network.layers.size(); ++i) {
    const auto& layer = network.layers[i];
    const auto& w = layer.conv.window;
    LayerReport r;
    r.name = layer.name;
    const bool connected = layer.conv.in.height == 1 && layer.conv.in.width == 1 && w == tensor::Window{};
    r.kind = connected ? "fully connected" : "convolution " + std::to_string(w.height) + "×" + std::to_string(w.width);
    r.in = layer.conv.in;
    r.out = layer.out();
    r.algorithm = protocol.winograd ? layer.algorithm : ConvAlgorithm::direct;
    r.macs = layer.conv.macs();
    r.multiplications = multiplications(layer.conv, r.algorithm);
    r.max_comparisons = max_comparisons(layer);
    r.relu_comparisons = layer.relu && protocol.compares ? layer.relu_shape().elements() : 0;
    r.fraction_bits = layer.fraction_bits;
    r.activation_bits = layer.activation_bits;
    r.headroom_bits = layer.headroom_bits;
    r.range_bits = layer.range_bits();
    r.rings = protocol.rings(network, i);
    r.relu_fit = layer.relu_fit;
    r.worst_calibrated = plan.worst_calibrated[i];
    r.free_headroom_bits = -std::log2(r.worst_calibrated);
    r.online = costs.online(protocol::value_of(i));
    r.offline = costs.offline(protocol::value_of(i));
    r.set_up = costs.set_up(i);
    all.macs += r.macs;
    all.multiplications += r.multiplications;
    all.comparisons += r.max_comparisons + r.relu_comparisons;
    all.weights += layer.conv.filter_elements() + layer.bias_elements();
    all.online += r.online;
    all.offline += r.offline;
    all.set_up += r.set_up;
    all.layers.push_back(std::move(r));
  }
  return all;
}

}  // namespace blindsight::model
