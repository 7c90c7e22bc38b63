#include "tensor/fixed_point.h"

#include <cmath>
#include <stdexcept>
#include <string>

namespace blindsight::tensor {

std::vector<std::int64_t> encode(std::span<const float> x, double scale, unsigned bits) {
  if (bits < 1 || bits > 64) throw std::invalid_argument("encode: " + std::to_string(bits) + " bits; use 1 to 64");
  const double limit = std::ldexp(1.0, static_cast<int>(bits) - 1);
  std::vector<std::int64_t> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double rounded = std::round(static_cast<double>(x[i]) * scale);
    // The negated form also refuses a NaN.
    if (!(rounded >= -limit && rounded < limit))
      throw std::range_error("encode: value " + std::to_string(x[i]) + " at index " + std::to_string(i) +
                             " times scale " + std::to_string(scale) + " does not fit " + std::to_string(bits) +
                             " bits two's complement; lower the scale or widen the ring");
    out[i] = static_cast<std::int64_t>(rounded);
  }
  return out;
}

std::vector<float> decode(std::span<const std::int64_t> x, double scale) {
  std::vector<float> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = static_cast<float>(static_cast<double>(x[i]) / scale);
  return out;
}

}  // namespace blindsight::tensor
