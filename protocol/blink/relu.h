#pragma once

#include "protocol/blink/compare.h"
#include "protocol/blink/layout.h"
#include "protocol/blink/widths.h"

namespace blindsight::protocol::blink {

/// ReLU of a band is the positive part on k bits, multiplexed into the ring where its windows are summed, if they are.
inline CompareShape relu_shape(const LayerSpec& layer, const BandLayout& band, const Widths& w) {
  return {band.relu.size() * layer.relu_shape().row_elements(), w.relu, w.summed};
}

}  // namespace blindsight::protocol::blink
