#pragma once

#include <string>
#include <vector>

#include "tensor/kernels/conv.h"
#include "tensor/shape.h"

namespace blindsight::protocol {

/// One public layer of a plan, as every protocol sees it, in the order of evaluation:
///   linear (convolution; a fully connected layer is one over a 1×1 map)  →  truncation by f bits
///   →  max pools (before ReLU: max commutes with it)  →  ReLU  →  average pools as window sums (the division is in the
///   next scale).
/// The output map of a layer, flattened where the next layer is fully connected, is the input map of the next: same
/// element order.
struct LayerSpec {
  std::string name;
  tensor::ConvShape conv;
  tensor::ConvAlgorithm algorithm = tensor::ConvAlgorithm::direct;
  std::vector<tensor::Window> max_pools;
  bool relu = false;
  std::vector<tensor::Window> average_pools;

  unsigned fraction_bits = 12;    ///< f: bits truncated after the linear layer
  unsigned activation_bits = 10;  ///< A: bits of the largest calibrated activation
  unsigned headroom_bits = 1;     ///< M: bits above it

  /// q of protocol.md: the linear result must lie in [-2^q, 2^q - 2^f].
  unsigned range_bits() const { return fraction_bits + activation_bits + headroom_bits; }
  tensor::Shape conv_out() const { return conv.out(); }
  /// Shape after the max pools, where ReLU works.
  tensor::Shape relu_shape() const { return after(conv_out(), max_pools); }
  /// Shape of what the next layer reads.
  tensor::Shape out() const { return after(relu_shape(), average_pools); }

  static tensor::Shape after(tensor::Shape s, const std::vector<tensor::Window>& pools) {
    for (const auto& w : pools) s = {w.out_height(s.height), w.out_width(s.width), s.channels};
    return s;
  }
};

/// The public half of a model: what the parties must agree on. Weights are apart (LayerWeights) and secret.
struct NetworkSpec {
  tensor::Shape input;
  std::vector<LayerSpec> layers;
};

/// Integer weights of one layer. Filter order as tensor::ConvShape; bias per output channel at the scale of the linear
/// result.
struct LayerWeights {
  std::vector<std::int32_t> filter;
  std::vector<std::int64_t> bias;
};

}  // namespace blindsight::protocol
