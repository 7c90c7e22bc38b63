#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/kernels/conv.h"
#include "tensor/shape.h"

namespace blindsight::protocol {

/// A polynomial that stands in for ReLU where a protocol cannot compare. In units of t = x / 2^A, x the truncated
/// linear result and A the layer's activation bits: p(t) = t/2 + even[0] + even[1]·t² + even[2]·t⁴ + …; [-1, 1] is the
/// calibrated range. (The odd part of ReLU is t/2 exactly.)
struct ReluFit {
  std::vector<double> even;  ///< degree / 2 + 1 coefficients; none: there is no fit
  double worst = 0;          ///< largest |p(t) - max(t, 0)| over the calibrated range
  double rms = 0;            ///< root mean square of it over the values that calibration saw

  unsigned degree() const { return even.empty() ? 0 : 2 * static_cast<unsigned>(even.size() - 1); }
  bool operator==(const ReluFit&) const = default;
};

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
  bool bias_per_position = false;  ///< a bias for each element of the linear result, not one for each channel
  std::vector<tensor::Window> max_pools;
  bool relu = false;
  ReluFit relu_fit;
  std::vector<tensor::Window> average_pools;

  unsigned fraction_bits = 12;    ///< f: bits truncated after the linear layer
  unsigned activation_bits = 10;  ///< A: bits of the largest calibrated activation
  unsigned headroom_bits = 1;     ///< M: bits above it

  /// q (docs/protocols/README.md, "Notation"; P1 there): the linear result must lie in [-2^q, 2^q - 2^f].
  unsigned range_bits() const { return fraction_bits + activation_bits + headroom_bits; }
  tensor::Shape conv_out() const { return conv.out(); }
  std::size_t bias_elements() const { return bias_per_position ? conv_out().elements() : conv.out_channels; }
  /// Shape after the max pools, where ReLU works.
  tensor::Shape relu_shape() const { return after(conv_out(), max_pools); }
  /// Shape of what the next layer reads.
  tensor::Shape out() const { return after(relu_shape(), average_pools); }

  /// Elements that the average pools add up into one output: it is that many times larger than the average.
  std::size_t window_elements() const {
    std::size_t n = 1;
    for (const auto& w : average_pools) n *= w.height * w.width;
    return n;
  }

  static tensor::Shape after(tensor::Shape s, const std::vector<tensor::Window>& pools) {
    for (const auto& w : pools) s = {w.out_height(s.height), w.out_width(s.width), s.channels};
    return s;
  }
};

/// The public half of a model: what the parties must agree on. Weights are apart (LayerWeights) and secret.
struct NetworkSpec {
  tensor::Shape input;
  unsigned input_bits = 12;  ///< encoded pixels fit this many bits, two's complement
  std::vector<LayerSpec> layers;
};

/// Integer weights of one layer. Filter order as tensor::ConvShape; LayerSpec::bias_elements() biases at the scale of
/// the linear result, in its order.
struct LayerWeights {
  std::vector<std::int32_t> filter;
  std::vector<std::int64_t> bias;
};

}  // namespace blindsight::protocol
