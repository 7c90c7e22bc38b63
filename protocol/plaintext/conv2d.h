#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocol/core/layer_spec.h"
#include "tensor/kernels/conv.h"

namespace blindsight::protocol::plaintext {

using Values = std::vector<std::int64_t>;

/// A layer's weights in the clear, ready to multiply with: 64-bit words, so that no result that a plan allows can wrap.
struct ClearWeights {
  tensor::PreparedFilter<tensor::Word64> filter;
  Values bias;
};

ClearWeights prepare(const LayerSpec& layer, const LayerWeights& weights);

/// Z = x * W + bias over the whole map, exact.
Values conv2d(const ClearWeights& weights, std::span<const std::int64_t> x);

}  // namespace blindsight::protocol::plaintext
