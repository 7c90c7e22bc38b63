#include "protocol/plaintext/layer.h"

#include "protocol/plaintext/avgpool.h"
#include "protocol/plaintext/maxpool.h"
#include "protocol/plaintext/relu.h"
#include "protocol/plaintext/truncate.h"

namespace blindsight::protocol::plaintext {

Values after_truncation(const LayerSpec& layer, Values t, Relu which) {
  tensor::Shape map = layer.conv_out();
  for (const auto& w : layer.max_pools) {
    t = max_pool(map, w, t);
    map = LayerSpec::after(map, {w});
  }
  if (layer.relu && which == Relu::exact) relu(t);
  if (layer.relu && which == Relu::polynomial) relu(t, layer.relu_fit, layer.activation_bits);
  for (const auto& w : layer.average_pools) {
    t = sum_pool(map, w, t);
    map = LayerSpec::after(map, {w});
  }
  return t;
}

Values evaluate(const LayerSpec& layer, const ClearWeights& weights, std::span<const std::int64_t> x, Relu which) {
  Values z = conv2d(weights, x);
  truncate(z, layer.fraction_bits);
  return after_truncation(layer, std::move(z), which);
}

}  // namespace blindsight::protocol::plaintext
