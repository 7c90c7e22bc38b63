#include "model/prune/prune.h"
#include "model/fault.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

namespace blindsight::model {

using protocol::Result;

namespace {

/// 0.29 · 100 is 29, whatever doubles make of it.
constexpr double rounding = 1e-9;

/// A layer that hands each of its inputs through, perhaps times something and plus something: the passes add one where
/// a network does not end in a linear layer, or nothing else can take a pool, an activation or a scale. Its channels
/// are those of the layer before, or of the image.
bool hands_through(const FloatLayer& layer) {
  const std::size_t n = layer.conv.out_channels;
  if (layer.filter.size() != n * n) return false;
  for (std::size_t i = 0; i < n; ++i)
    if (std::ranges::count(std::span(layer.filter).subspan(i * n, n), 0.0F) < static_cast<std::ptrdiff_t>(n - 1))
      return false;
  return n > 1;
}

/// Output channels with the smallest L1 norms, rising.
std::vector<std::size_t> weakest(const FloatLayer& layer, std::size_t count) {
  const std::size_t channels = layer.conv.out_channels;
  std::vector<double> norms(channels);
  for (std::size_t i = 0; i < layer.filter.size(); ++i)
    norms[i % channels] += std::abs(static_cast<double>(layer.filter[i]));
  std::vector<std::size_t> order(channels);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t c) { return norms[c]; });
  order.resize(count);
  std::ranges::sort(order);
  return order;
}

std::vector<bool> kept(std::size_t channels, const std::vector<std::size_t>& removed) {
  std::vector<bool> keep(channels, true);
  for (const std::size_t c : removed) keep[c] = false;
  return keep;
}

void remove_outputs(FloatLayer& layer, const std::vector<bool>& keep) {
  const std::size_t channels = keep.size();
  std::vector<float> filter, bias;
  for (std::size_t i = 0; i < layer.filter.size(); ++i)
    if (keep[i % channels]) filter.push_back(layer.filter[i]);
  for (std::size_t i = 0; i < layer.bias.size(); ++i)
    if (keep[i % channels]) bias.push_back(layer.bias[i]);
  layer.filter = std::move(filter);
  layer.bias = std::move(bias);
  layer.conv.out_channels = static_cast<std::size_t>(std::ranges::count(keep, true));
}

/// Whether the next layer reads the map as it is or flattened (row, column, channel), the channel of its input i is i
/// modulo the map's channels.
void remove_inputs(FloatLayer& layer, const std::vector<bool>& keep) {
  const std::size_t out = layer.conv.out_channels, cells = layer.conv.window.height * layer.conv.window.width;
  std::vector<float> filter;
  for (std::size_t i = 0; i < layer.filter.size(); ++i)
    if (keep[i / out % layer.conv.in.channels % keep.size()]) filter.push_back(layer.filter[i]);
  layer.filter = std::move(filter);
  layer.conv.in.channels = layer.filter.size() / (cells * out);
}

}  // namespace

Result<Pruned> prune(const FloatNetwork& network, double fraction, std::size_t first_kept) {
  if (!(fraction >= 0 && fraction < 1)) return fail("the fraction of channels to remove must be from 0 to below 1");
  Pruned pruned{network, {}};
  auto& layers = pruned.network.layers;
  const std::size_t last = layers.size() - (layers.size() > 1 && hands_through(layers.back()) ? 2 : 1);
  if (first_kept >= last)
    return fail("the network has " + std::to_string(last) + " layers before its last linear one, and " +
                std::to_string(first_kept) + " are kept whole: there is nothing to prune");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::size_t channels = layers[i].conv.out_channels;
    PrunedLayer what{layers[i].name, channels, channels, {}};
    const auto share = static_cast<std::size_t>(fraction * static_cast<double>(channels) + rounding);
    const std::size_t count = std::min(share, channels - 1);  // one stays
    if (i >= first_kept && i < last && count > 0 && !hands_through(layers[i])) {
      // Norms are of the filters as trained: what the layer before lost does not change the order.
      what.removed = weakest(network.layers[i], count);
      const auto keep = kept(channels, what.removed);
      remove_outputs(layers[i], keep);
      remove_inputs(layers[i + 1], keep);
      what.channels_after = layers[i].conv.out_channels;
    }
    pruned.layers.push_back(std::move(what));
  }
  return pruned;
}

std::size_t parameters(const FloatNetwork& network) {
  std::size_t sum = 0;
  for (const auto& layer : network.layers) sum += layer.filter.size() + layer.bias.size();
  return sum;
}

std::size_t macs(const FloatNetwork& network) {
  std::size_t sum = 0;
  for (const auto& layer : network.layers) sum += layer.conv.macs();
  return sum;
}

}  // namespace blindsight::model
