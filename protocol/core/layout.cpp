#include "protocol/core/layout.h"

#include <algorithm>
#include <numeric>

namespace blindsight::protocol {
namespace {

/// Heights of a chain of pools, from the map before the first to the map after the last.
std::vector<std::size_t> heights(std::size_t height, const std::vector<tensor::Window>& pools) {
  std::vector<std::size_t> h{height};
  for (const auto& w : pools) h.push_back(w.out_height(h.back()));
  return h;
}

/// Rows after each pool that are needed for rows `last` of the final map; returns the rows before the first pool.
tensor::RowRange backwards(const std::vector<tensor::Window>& pools, const std::vector<std::size_t>& h,
                           tensor::RowRange last, std::vector<tensor::RowRange>& after_each) {
  after_each.resize(pools.size());
  for (std::size_t i = pools.size(); i-- > 0;) {
    after_each[i] = last;
    last = tensor::input_rows(pools[i], last, h[i]);
  }
  return last;
}

bool empty(const tensor::Window& w) {
  return w.height == 0 || w.width == 0 || w.stride_y == 0 || w.stride_x == 0;
}

std::string text(const tensor::Shape& s) {
  return std::to_string(s.height) + "x" + std::to_string(s.width) + "x" + std::to_string(s.channels);
}

}  // namespace

std::vector<BandLayout> bands(const NetworkSpec& network, std::size_t index, std::size_t rows, std::size_t unit) {
  const LayerSpec& layer = network.layers[index];
  const tensor::Shape conv = layer.conv_out(), out = layer.out();
  std::size_t stride = 1;
  // A stride larger than the map is as good as one that just leaves it; cut, the product cannot overflow.
  for (const auto* pools : {&layer.max_pools, &layer.average_pools})
    for (const auto& w : *pools) stride = std::min(stride * std::min(w.stride_y, conv.height + 1), conv.height + 1);
  // Whole patches and whole windows, so that no band computes half a patch that its neighbour computes again.
  unit = std::lcm(unit, stride);
  const std::size_t conv_rows = (rows + unit - 1) / unit * unit;
  const bool last = index + 1 == network.layers.size();
  const std::size_t out_rows = last ? out.height : std::max<std::size_t>(1, conv_rows / stride);

  const auto max_heights = heights(conv.height, layer.max_pools);
  const auto average_heights = heights(max_heights.back(), layer.average_pools);
  std::vector<BandLayout> result;
  for (std::size_t begin = 0; begin < out.height; begin += out_rows) {
    BandLayout t;
    t.out = {begin, std::min(begin + out_rows, out.height)};
    t.relu = backwards(layer.average_pools, average_heights, t.out, t.averaged);
    t.conv = backwards(layer.max_pools, max_heights, t.relu, t.max_pooled);
    t.in = tensor::input_rows(layer.conv.window, t.conv, layer.conv.in.height);
    result.push_back(std::move(t));
  }
  return result;
}

std::vector<ValueInfo> values(const NetworkSpec& network, const std::vector<std::vector<BandLayout>>& bands,
                              std::size_t element_bytes) {
  std::vector<ValueInfo> result{
      {"input", network.input.elements() * element_bytes, {{{0, 0}, {0, network.input.height}}}}};
  tensor::Shape before = network.input;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const LayerSpec& l = network.layers[i];
    const bool last = i + 1 == network.layers.size();
    ValueInfo s{l.name, last ? 0 : l.out().elements() * element_bytes, {}};
    // A flattened map has one row, which needs all rows of the map before.
    const bool flattened = l.conv.in != before;
    for (const BandLayout& t : bands[i])
      s.bands.push_back({flattened ? tensor::RowRange{0, before.height} : t.in, t.out});
    before = l.out();
    result.push_back(std::move(s));
  }
  return result;
}

Result<void> check_shapes(const NetworkSpec& network) {
  if (network.layers.empty()) return fail(Fault::usage, "the network has no layers");
  if (network.layers.size() >= 65535)
    return fail(Fault::usage, "the network has more layers than a stream's name can tell apart");
  tensor::Shape in = network.input;
  for (const LayerSpec& l : network.layers) {
    auto bad = [&](const std::string& what) { return fail(Fault::usage, "layer '" + l.name + "': " + what); };
    if (l.conv.in.elements() == 0 || l.conv.out_channels == 0) return bad("has an empty map");
    if (l.conv.in.elements() != in.elements() || (l.conv.in != in && l.conv.in.height * l.conv.in.width != 1))
      return bad("reads " + text(l.conv.in) + " but the layer before makes " + text(in));
    for (const auto* windows : {&l.max_pools, &l.average_pools})
      for (const auto& window : *windows)
        if (empty(window)) return bad("has a pool with a side or stride of 0");
    if (empty(l.conv.window)) return bad("has a filter with a side or stride of 0");
    in = l.out();
    if (l.conv_out().elements() == 0 || in.elements() == 0) return bad("its window does not fit its input");
  }
  return {};
}

}  // namespace blindsight::protocol
