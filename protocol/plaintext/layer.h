#pragma once

#include "protocol/plaintext/conv2d.h"

namespace blindsight::protocol::plaintext {

/// Everything of a layer behind its truncation: max pools, ReLU, window sums. `t`: the truncated linear result.
Values after_truncation(const LayerSpec& layer, Values t);

/// A whole layer with exact floor.
Values evaluate(const LayerSpec& layer, const ClearWeights& weights, std::span<const std::int64_t> x);

}  // namespace blindsight::protocol::plaintext
