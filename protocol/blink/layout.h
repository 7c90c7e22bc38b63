#pragma once

#include <vector>

#include "protocol/core/layer_spec.h"
#include "protocol/core/program.h"

namespace blindsight::protocol::blink {

/// One tile of a layer: the rows of every map between its input and its output that it computes. Everything between the
/// convolution and the opening of E' happens inside a tile.
struct TileLayout {
  tensor::RowRange in;                       ///< of the convolution's input
  tensor::RowRange conv;                     ///< of the convolution's output
  std::vector<tensor::RowRange> max_pooled;  ///< after each max pool
  tensor::RowRange relu;                     ///< where ReLU works: the last max_pooled, or conv
  std::vector<tensor::RowRange> averaged;    ///< after each average pool
  tensor::RowRange out;                      ///< what the tile adds to the layer's result
};

/// The tiles of one layer: bands of output rows, large enough that weights are not read again for a few pixels, small
/// enough that a band of a large map stays in the cache.
/// The last layer is one tile: it ends with one message to the data owner.
std::vector<TileLayout> tiles(const NetworkSpec& network, std::size_t layer);

/// The stages of a network for Program::stages(). Planes hold 32-bit words.
std::vector<StageInfo> stages(const NetworkSpec& network);

}  // namespace blindsight::protocol::blink
