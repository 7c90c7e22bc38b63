#include "protocol/blink/layout.h"

#include <algorithm>

namespace blindsight::protocol::blink {
namespace {

// Tuned on VGG16: a tile of 4 rows of 200×200×64 fills a second-level cache; the 12×12 and 25×25 maps are one tile,
// because their 36·512·512 Winograd words are read from memory once for each tile.
constexpr std::size_t tile_elements = 48 * 1024;
constexpr std::size_t tile_patches = 48;  // 4×4 output patches

std::size_t patch(tensor::ConvAlgorithm a) {
  return a == tensor::ConvAlgorithm::winograd4 ? 4 : a == tensor::ConvAlgorithm::winograd2 ? 2 : 1;
}

}  // namespace

std::vector<TileLayout> tiles(const NetworkSpec& network, std::size_t index) {
  const LayerSpec& layer = network.layers[index];
  const tensor::Shape conv = layer.conv_out();
  const std::size_t p = patch(layer.algorithm), patches_per_row = (conv.width + p - 1) / p;
  const std::size_t rows = std::max((tile_elements + conv.row_elements() - 1) / conv.row_elements(),
                                    (tile_patches + patches_per_row - 1) / patches_per_row * p);
  return protocol::tiles(network, index, rows, p);
}

std::vector<StageInfo> stages(const NetworkSpec& network) {
  std::vector<std::vector<TileLayout>> all;
  for (std::size_t i = 0; i < network.layers.size(); ++i) all.push_back(tiles(network, i));
  return protocol::stages(network, all, sizeof(tensor::Word32));
}

}  // namespace blindsight::protocol::blink
