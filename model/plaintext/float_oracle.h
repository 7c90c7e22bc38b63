#pragma once

#include <functional>
#include <span>
#include <vector>

#include "model/graph/float_network.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// What one layer gave, in the clear.
struct FloatTrace {
  std::vector<float> linear;      ///< convolution and bias, row, column, channel
  std::vector<float> relu_input;  ///< after the max pools; empty where there are none: `linear` itself
  std::vector<float> output;      ///< after pools and ReLU: what the next layer reads

  /// What ReLU works on.
  std::span<const float> before_relu() const { return relu_input.empty() ? linear : relu_input; }
};

/// The trained network in float32, as any ONNX runtime would evaluate it. Layers run one after another, each parallel
/// over oneTBB. `image` has network.input.elements() values. The network must outlive the call.
std::vector<float> run_float(const FloatNetwork& network, std::span<const float> image);
/// The same, handing each layer's trace to `layer(index, trace)` before the next one runs.
template <class Visitor>
std::vector<float> run_float(const FloatNetwork& network, std::span<const float> image, Visitor&& layer);

/// One layer. `relu`, when given, stands in for max(x, 0).
FloatTrace run_float_layer(const FloatLayer& layer, std::span<const float> in,
                           const std::function<float(float)>& relu = {});

template <class Visitor>
std::vector<float> run_float(const FloatNetwork& network, std::span<const float> image, Visitor&& layer) {
  std::vector<float> in(image.begin(), image.end());
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    FloatTrace trace = run_float_layer(network.layers[i], in);
    layer(i, static_cast<const FloatTrace&>(trace));
    in = std::move(trace.output);
  }
  return in;
}

}  // namespace blindsight::model
