#include "protocol/blink/layout.h"

#include <algorithm>

namespace blindsight::protocol::blink {
namespace {

// Tuned on VGG16: a band of 4 rows of 200×200×64 fills a second-level cache; the 12×12 and 25×25 maps are one band,
// because their 36·512·512 Winograd words are read from memory once for each band.
constexpr std::size_t band_elements = 48 * 1024;
constexpr std::size_t band_patches = 48;  // 4×4 output patches

std::size_t patch(tensor::ConvAlgorithm a) {
  return a == tensor::ConvAlgorithm::winograd4 ? 4 : a == tensor::ConvAlgorithm::winograd2 ? 2 : 1;
}

}  // namespace

std::vector<BandLayout> bands(const NetworkSpec& network, std::size_t index) {
  const LayerSpec& layer = network.layers[index];
  const tensor::Shape conv = layer.conv_out();
  const std::size_t p = patch(layer.algorithm), patches_per_row = (conv.width + p - 1) / p;
  // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): no map of a network is empty
  const std::size_t rows = std::max((band_elements + conv.row_elements() - 1) / conv.row_elements(),
                                    (band_patches + patches_per_row - 1) / patches_per_row * p);
  return protocol::bands(network, index, rows, p);
}

std::vector<ValueInfo> values(const NetworkSpec& network) {
  std::vector<std::vector<BandLayout>> all;
  for (std::size_t i = 0; i < network.layers.size(); ++i) all.push_back(bands(network, i));
  return protocol::values(network, all, sizeof(tensor::Word32));
}

}  // namespace blindsight::protocol::blink
