#include <algorithm>
#include <cmath>

#include "model/fault.h"
#include "model/passes/limits.h"
#include "model/passes/passes.h"
#include "model/plan/plan.h"

namespace blindsight::model {

using protocol::Result;
using tensor::Shape;

namespace {

constexpr std::size_t most_outputs = 1 << 16;

/// The layers so far; gives a node the layer that can take it.
class Layers {
 public:
  Layers(FloatNetwork& network, const Chain& chain)
      : layers_(network.layers), made_(chain.made), most_made_(chain.most_made) {}

  void add(std::string name, Linear&& linear) {
    FloatLayer layer;
    layer.name = std::move(name);
    layer.conv = linear.conv;
    layer.filter = std::move(linear.filter);
    layer.bias = std::move(linear.bias);
    layers_.push_back(std::move(layer));
  }

  Result<void> add(const ChainNode& node, const Relu&) {
    // What is at least zero stays so in an average.
    if (!layers_.empty() && layers_.back().relu) return {};
    auto layer = before_average(node);
    if (!layer) return fail(layer.error().what);
    (*layer)->relu = true;
    return {};
  }

  Result<void> add(const ChainNode& node, const MaxPool& pool) {
    auto layer = before_average(node);
    if (!layer) return fail(layer.error().what);
    if ((*layer)->max_pools.size() == most_pools) {
      if (auto ok = hand_map_through(node); !ok) return ok;
      layer = &layers_.back();
    }
    (*layer)->max_pools.push_back(pool.window);
    return {};
  }

  Result<void> add(const ChainNode& node, const AveragePool& pool) {
    if (layers_.empty() || layers_.back().average_pools.size() == most_pools)
      if (auto ok = hand_map_through(node); !ok) return ok;
    layers_.back().average_pools.push_back(pool.window);
    return {};
  }

 private:
  Result<FloatLayer*> before_average(const ChainNode& node) {
    if (layers_.empty() || !layers_.back().average_pools.empty())
      if (auto ok = hand_map_through(node); !ok) return fail(ok.error().what);
    return &layers_.back();
  }

  /// Comparisons and sums need a linear layer before them.
  Result<void> hand_map_through(const ChainNode& node) {
    const std::size_t n = node.in.channels;
    made_ += n * n;
    if (n * n > largest_made || made_ > most_made_)
      return fail(node.what + " follows no Conv, Gemm or MatMul, and its " + std::to_string(n) +
                  " channels are too many to hand through a layer of their own");
    add(node.name, hand_through(node.in));
    return {};
  }

  std::vector<FloatLayer>& layers_;
  std::size_t made_, most_made_;
};

/// Protocols reveal the linear result of the last layer, one number for each class; where a network ends otherwise, or
/// in an order that is not ours, a layer that hands each value through ends it, times `last` if there is one.
FloatLayer outputs_of(const Chain& chain, const Affine& last) {
  const Shape& map = chain.output_map;
  const std::size_t n = map.elements();
  FloatLayer layer;
  layer.name = "output";
  layer.conv = {{1, 1, n}, n, {}};
  layer.filter.assign(n * n, 0);
  layer.bias.assign(n, 0);
  const Layout::Place place = chain.output_layout.place(map);
  for_each_element(map, [&](std::size_t i, std::size_t y, std::size_t x, std::size_t c) {
    const std::size_t to = place.at(y, x, c);
    layer.filter[i * n + to] = last.scale.empty() ? 1 : last.scale[i % last.scale.size()];
    layer.bias[to] = last.shift.empty() ? 0 : last.shift[i % last.shift.size()];
  });
  return layer;
}

Result<void> check_finite(const FloatNetwork& network) {
  for (const FloatLayer& layer : network.layers)
    for (const auto* values : {&layer.filter, &layer.bias})
      for (const float v : *values)
        if (!std::isfinite(v))
          return fail("layer " + in_quotes(layer.name) +
                      " has a weight that is no finite number: the file is damaged or its training failed");
  return {};
}

}  // namespace

Result<FloatNetwork> to_layers(Chain&& chain) {
  FloatNetwork network{chain.name, chain.input, {}, chain.post, std::move(chain.notes), {}};
  Layers layers(network, chain);
  Affine last;
  bool linear = false;
  for (ChainNode& node : chain.nodes) {
    Result<void> ok;
    if (auto* l = std::get_if<Linear>(&node.op)) {
      linear = true;
      layers.add(std::move(node.name), std::move(*l));
    } else if (const auto* relu = std::get_if<Relu>(&node.op)) {
      ok = layers.add(node, *relu);
    } else if (const auto* pool = std::get_if<MaxPool>(&node.op)) {
      ok = layers.add(node, *pool);
    } else if (const auto* average = std::get_if<AveragePool>(&node.op)) {
      ok = layers.add(node, *average);
    } else {
      last = std::move(std::get<Affine>(node.op));  // fold_affine() leaves one, at the end
    }
    if (!ok) return fail(ok.error().what);
    if (network.layers.size() > most_layers)
      return fail("it has more than " + std::to_string(most_layers) + " layers, which no plan takes");
  }
  if (!linear) return fail("it has no Conv, Gemm or MatMul");
  const Shape& map = chain.output_map;
  const auto sizes = chain.output_layout.sizes(map);
  if (std::ranges::count_if(sizes, [](auto d) { return d != 1; }) > 1)
    return fail("its output is a map of " + describe(sizes) + "; supported is one number per class");
  if (map.elements() > most_outputs)
    return fail("it has " + std::to_string(map.elements()) + " outputs; at most " + std::to_string(most_outputs) +
                " are supported");
  const FloatLayer& end = network.layers.back();
  if (end.relu || !end.max_pools.empty() || !end.average_pools.empty() || map.height * map.width != 1 ||
      !last.scale.empty()) {
    if (map.elements() * map.elements() > largest_made)
      return fail("it has " + std::to_string(map.elements()) +
                  " outputs behind a pool or an activation; at most 4096 are supported there");
    network.layers.push_back(outputs_of(chain, last));
  }
  if (auto ok = check_finite(network); !ok) return fail(ok.error().what);
  return network;
}

Result<FloatNetwork> lower(Graph graph) {
  if (auto ok = drop_dead(graph); !ok) return fail(ok.error().what);
  if (auto ok = check_well_formed(graph); !ok) return fail(ok.error().what);
  auto chain = to_chain(std::move(graph));
  if (!chain) return fail(chain.error().what);
  if (auto ok = fold_affine(*chain); !ok) return fail(ok.error().what);
  order_pools(*chain);
  return to_layers(std::move(*chain));
}

}  // namespace blindsight::model
