#include "protocol/plaintext/conv2d.h"

#include "protocol/core/bias.h"

namespace blindsight::protocol::plaintext {

using tensor::Word64;

ClearWeights prepare(const LayerSpec& layer, const LayerWeights& weights) {
  tensor::Buffer<Word64> filter(weights.filter.size());
  for (std::size_t i = 0; i < filter.size(); ++i) filter[i] = static_cast<Word64>(std::int64_t{weights.filter[i]});
  return {tensor::prepare_filter<Word64>(layer.conv, layer.algorithm, filter), weights.bias};
}

Values conv2d(const ClearWeights& weights, std::span<const std::int64_t> x) {
  const tensor::ConvShape& conv = weights.filter.shape;
  const tensor::Shape out = conv.out();
  tensor::Buffer<Word64> z(out.elements());
  tensor::convolve_rows<Word64>(weights.filter, {reinterpret_cast<const Word64*>(x.data()), x.size()},
                                {0, conv.in.height}, {0, out.height}, z, false);
  // Winograd leaves the top bits of the word zero: read the rest as two's complement.
  const unsigned bits = 64 - tensor::bits_spent(weights.filter.algorithm);
  Values result(z.size());
  for (std::size_t i = 0; i < z.size(); ++i) result[i] = tensor::as_signed(z[i], bits);
  add_bias<std::int64_t>(weights.bias, 0, result);
  return result;
}

}  // namespace blindsight::protocol::plaintext
