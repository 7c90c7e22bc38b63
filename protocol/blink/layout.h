#pragma once

#include "protocol/core/layout.h"

namespace blindsight::protocol::blink {

/// The tiles of one layer: large enough that weights are not read again for a few pixels, small enough that a band of a
/// large map stays in the cache. Everything between the convolution and the opening of E' happens inside a tile.
std::vector<TileLayout> tiles(const NetworkSpec& network, std::size_t layer);

/// The stages of a network for Program::stages(). Planes hold 32-bit words.
std::vector<StageInfo> stages(const NetworkSpec& network);

}  // namespace blindsight::protocol::blink
