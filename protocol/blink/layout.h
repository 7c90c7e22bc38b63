#pragma once

#include "protocol/core/layout.h"

namespace blindsight::protocol::blink {

/// The bands of one layer: large enough that weights are not read again for a few pixels, small enough that a band of a
/// large map stays in the cache. Everything between the convolution and the opening of E' happens inside a band.
std::vector<BandLayout> bands(const NetworkSpec& network, std::size_t layer);

/// A network's values for Program::values(); maps hold 32-bit words.
std::vector<ValueInfo> values(const NetworkSpec& network);

}  // namespace blindsight::protocol::blink
