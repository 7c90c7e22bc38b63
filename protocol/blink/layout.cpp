#include "protocol/blink/layout.h"

#include <algorithm>
#include <numeric>

namespace blindsight::protocol::blink {
namespace {

// Tuned on VGG16: a tile of 4 rows of 200×200×64 fills a second-level cache; the 12×12 and 25×25 maps are one tile,
// because their 36·512·512 Winograd words are read from memory once for each tile.
constexpr std::size_t tile_elements = 48 * 1024;
constexpr std::size_t tile_patches = 48;  // 4×4 output patches

std::size_t patch(tensor::ConvAlgorithm a) {
  return a == tensor::ConvAlgorithm::winograd4 ? 4 : a == tensor::ConvAlgorithm::winograd2 ? 2 : 1;
}

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

}  // namespace

std::vector<TileLayout> tiles(const NetworkSpec& network, std::size_t index) {
  const LayerSpec& layer = network.layers[index];
  const tensor::Shape conv = layer.conv_out(), out = layer.out();
  std::size_t stride = 1;
  // No more than the map is high: what a stride leaps over beyond it makes no difference, and a product must not wrap.
  for (const auto* pools : {&layer.max_pools, &layer.average_pools})
    for (const auto& w : *pools) stride = std::min(stride * std::min(w.stride_y, conv.height + 1), conv.height + 1);
  const std::size_t p = patch(layer.algorithm), patches_per_row = (conv.width + p - 1) / p;
  const std::size_t rows = std::max((tile_elements + conv.row_elements() - 1) / conv.row_elements(),
                                    (tile_patches + patches_per_row - 1) / patches_per_row * p);
  // Whole patches and whole windows, so that no tile computes half a patch that its neighbour computes again.
  const std::size_t unit = std::lcm(p, stride), conv_rows = (rows + unit - 1) / unit * unit;
  const bool last = index + 1 == network.layers.size();
  const std::size_t out_rows = last ? out.height : std::max<std::size_t>(1, conv_rows / stride);

  const auto max_heights = heights(conv.height, layer.max_pools);
  const auto average_heights = heights(max_heights.back(), layer.average_pools);
  std::vector<TileLayout> result;
  for (std::size_t begin = 0; begin < out.height; begin += out_rows) {
    TileLayout t;
    t.out = {begin, std::min(begin + out_rows, out.height)};
    t.relu = backwards(layer.average_pools, average_heights, t.out, t.averaged);
    t.conv = backwards(layer.max_pools, max_heights, t.relu, t.max_pooled);
    t.in = tensor::input_rows(layer.conv.window, t.conv, layer.conv.in.height);
    result.push_back(std::move(t));
  }
  return result;
}

std::vector<StageInfo> stages(const NetworkSpec& network) {
  std::vector<StageInfo> result{{"input", 0, {{{0, 0}, {0, network.input.height}}}}};
  tensor::Shape before = network.input;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const LayerSpec& l = network.layers[i];
    StageInfo s{l.name, l.conv.in.elements() * sizeof(tensor::Word32), {}};
    // A flattened map has one row, which needs all rows of the map before.
    const bool flattened = l.conv.in != before;
    for (const TileLayout& t : tiles(network, i))
      s.tiles.push_back({flattened ? tensor::RowRange{0, before.height} : t.in, t.out});
    before = l.out();
    result.push_back(std::move(s));
  }
  return result;
}

}  // namespace blindsight::protocol::blink
