#include <cmath>

#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;
using tensor::Shape;

namespace {

/// Outputs beyond this make no sense as logits, and the layer that to_layers may add is quadratic in them.
constexpr std::size_t most_outputs = 4096;

/// Rows of a fully connected layer's filter from ONNX's flattened order (channel, row, column) to ours (row, column,
/// channel).
std::vector<float> reordered(const std::vector<float>& filter, const Shape& map, std::size_t out) {
  std::vector<float> rows(filter.size());
  for (std::size_t c = 0; c < map.channels; ++c)
    for (std::size_t p = 0; p < map.height * map.width; ++p)
      for (std::size_t o = 0; o < out; ++o)
        rows[(p * map.channels + c) * out + o] = filter[(c * map.height * map.width + p) * out + o];
  return rows;
}

FloatLayer to_layer(ChainNode&& node) {
  Linear& linear = std::get<Linear>(node.op);
  FloatLayer layer;
  layer.name = std::move(node.name);
  layer.conv = linear.conv;
  layer.filter = linear.fully_connected && linear.flattened.height * linear.flattened.width != 1
                     ? reordered(linear.filter, linear.flattened, linear.conv.out_channels)
                     : std::move(linear.filter);
  layer.bias = std::move(linear.bias);
  return layer;
}

/// Protocols reveal the linear result of the last layer; where a network ends otherwise, or in an order that is not
/// ours, a layer that hands each value through ends it.
FloatLayer hand_through(const Shape& map) {
  const std::size_t n = map.elements();
  FloatLayer layer;
  layer.name = "output";
  layer.conv = {{1, 1, n}, n, {}};
  layer.filter.assign(n * n, 0);
  layer.bias.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i) layer.filter[i * n + i] = 1;
  layer.filter = reordered(layer.filter, map, n);
  return layer;
}

}  // namespace

Result<FloatNetwork> to_layers(Chain&& chain) {
  FloatNetwork network{chain.name, chain.input, {}, chain.post};
  for (ChainNode& node : chain.nodes) {
    if (std::holds_alternative<Linear>(node.op)) {
      network.layers.push_back(to_layer(std::move(node)));
      continue;
    }
    if (network.layers.empty())
      return fail(node.what + " works on the input itself; supported is after the first Conv, Gemm or MatMul");
    FloatLayer& layer = network.layers.back();
    if (std::holds_alternative<Relu>(node.op)) {
      if (!layer.average_pools.empty())
        return fail(node.what + " follows an average pool; supported is an average pool after the Relu");
      layer.relu = true;
    } else if (const auto* pool = std::get_if<MaxPool>(&node.op)) {
      if (!layer.average_pools.empty())
        return fail(node.what + " follows an average pool; supported is a maximum before the average");
      layer.max_pools.push_back(pool->window);
    } else if (const auto* average = std::get_if<AveragePool>(&node.op)) {
      layer.average_pools.push_back(average->window);
    }
  }
  if (network.layers.empty()) return fail("it has no Conv, Gemm or MatMul");
  if (!chain.output_flat && (chain.output_map.height != 1 || chain.output_map.width != 1))
    return fail("its output is a map of " + std::to_string(chain.output_map.height) + "×" +
                std::to_string(chain.output_map.width) + "; supported is one number per class");
  if (chain.output_map.elements() > most_outputs)
    return fail("it has " + std::to_string(chain.output_map.elements()) + " outputs; at most " +
                std::to_string(most_outputs) + " are supported");
  const FloatLayer& last = network.layers.back();
  if (last.relu || !last.max_pools.empty() || !last.average_pools.empty() ||
      chain.output_map.height * chain.output_map.width != 1)
    network.layers.push_back(hand_through(chain.output_map));
  for (const FloatLayer& layer : network.layers) {
    for (const auto* values : {&layer.filter, &layer.bias})
      for (const float v : *values)
        if (!std::isfinite(v))
          return fail("layer " + in_quotes(layer.name) +
                      " has a weight that is no finite number: the file is damaged or its training failed");
  }
  return network;
}

Result<FloatNetwork> lower(Graph graph) {
  if (auto ok = check_well_formed(graph); !ok) return fail(ok.error().what);
  if (auto ok = fold_constants(graph); !ok) return fail(ok.error().what);
  if (auto ok = drop_identities(graph); !ok) return fail(ok.error().what);
  auto chain = to_chain(graph);
  if (!chain) return fail(chain.error().what);
  graph = {};  // the chain has its own copy of the weights
  if (auto ok = fold_into_linear(*chain); !ok) return fail(ok.error().what);
  order_pools(*chain);
  return to_layers(std::move(*chain));
}

}  // namespace blindsight::model
