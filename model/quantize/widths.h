#pragma once

#include "protocol/core/layer_spec.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// Bits of the ring of layer `i`'s linear part: q + 1, or q + 2 where a max pool follows or where a layer that is not
/// the last has no ReLU.
unsigned linear_ring_bits(const protocol::NetworkSpec& network, std::size_t i);
/// Bits of the ring of its non-linear part: A + M + 1, and one more as above.
unsigned small_ring_bits(const protocol::NetworkSpec& network, std::size_t i);

/// P2 of docs/protocols/blink.md, "What a plan must guarantee": the linear ring and the bits that the algorithm spends
/// fit 32-bit words, the small ring fits 16. The error names the layer, the widths and what to lower.
protocol::Result<void> check_widths(const protocol::NetworkSpec& network, std::size_t i);

}  // namespace blindsight::model
