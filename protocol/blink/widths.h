#pragma once

#include "protocol/core/protocol.h"

namespace blindsight::protocol::blink {

/// The rings of one layer, in bits (docs/protocols/blink.md, "Rings of a layer").
struct Widths {
  unsigned linear;     ///< K: W, F, B, X, A, E, C, Z
  unsigned fraction;   ///< f: truncation moves shares from K to K - f bits
  unsigned truncated;  ///< K - f: k, or k + 1 where max or a signed lift follows
  unsigned relu;       ///< k = A + M + 1: ReLU compares there
  unsigned summed;     ///< ring of what ReLU returns: k, or k + e where a window of up to 2^e is summed before the lift
  unsigned out;        ///< K' of the consumer, or what the data owner receives when the layer is the last
  bool sum_before_lift;
  bool lifted;  ///< whether a lift to `out` takes place: always, but for a last layer whose small shares are the output
};

Widths widths(const NetworkSpec& network, std::size_t layer);

/// The functions of the same names in Protocol: P1–P5 of docs/protocols/blink.md, as far as shapes and bits tell.
Rings rings(const NetworkSpec& network, LayerId layer);
Result<void> check_layer(const NetworkSpec& network, LayerId layer);
Result<void> check(const NetworkSpec& network);

}  // namespace blindsight::protocol::blink
