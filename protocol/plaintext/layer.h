#pragma once

#include "protocol/plaintext/conv2d.h"
#include "protocol/plaintext/relu.h"

namespace blindsight::protocol::plaintext {

/// Everything of a layer behind its truncation: max pools, ReLU, window sums. `t`: the truncated linear result. A layer
/// with ReLU needs its relu_fit where `which` is the polynomial.
Values after_truncation(const LayerSpec& layer, Values t, Relu which = Relu::exact);

/// A whole layer with exact floor.
Values evaluate(const LayerSpec& layer, const ClearWeights& weights, std::span<const std::int64_t> x,
                Relu which = Relu::exact);

}  // namespace blindsight::protocol::plaintext
