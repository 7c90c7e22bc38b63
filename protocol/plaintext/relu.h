#pragma once

#include <algorithm>
#include <cmath>

#include "protocol/plaintext/conv2d.h"

namespace blindsight::protocol::plaintext {

/// What stands for ReLU: max(x, 0), or the layer's polynomial (LayerSpec::relu_fit), for protocols that cannot compare.
enum class Relu : std::uint8_t { exact, polynomial };

inline void relu(Values& x) {
  for (std::int64_t& v : x) v = std::max<std::int64_t>(v, 0);
}

/// p(t) of ReluFit.
inline double relu_polynomial(const ReluFit& fit, double t) {
  double sum = 0;
  for (auto c = fit.even.rbegin(); c != fit.even.rend(); ++c) sum = sum * (t * t) + *c;
  return sum + t / 2;
}

/// round(p(x / 2^A) · 2^A) in double arithmetic, whose 53 bits are far finer than one ulp. Within the layer's range no
/// plan comes near the bound; it is there for values that left the range long before.
inline void relu(Values& x, const ReluFit& fit, unsigned activation_bits) {
  constexpr double bound = std::int64_t{1} << 52;
  const double unit = std::ldexp(1.0, static_cast<int>(activation_bits));
  for (std::int64_t& v : x)
    v = std::llround(std::clamp(relu_polynomial(fit, static_cast<double>(v) / unit) * unit, -bound, bound));
}

}  // namespace blindsight::protocol::plaintext
