#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "protocol/core/layer_spec.h"

namespace blindsight::model {

/// Degrees that a polynomial for ReLU may have: even ones, for the odd part of ReLU is t/2 exactly.
constexpr unsigned largest_relu_degree = 8;
constexpr bool is_relu_degree(unsigned degree) {
  return degree > 0 && degree <= largest_relu_degree && degree % 2 == 0;
}

/// Means of the powers 0, 1, 2, … of |t|: all that least squares by even powers ask of a density.
using Moments = std::array<double, 2 * largest_relu_degree + 1>;

/// Those of the values that a layer's ReLU reads, gathered while the largest one is not known yet.
class MomentSums {
 public:
  void add(std::span<const float> values);
  /// Of t = x / largest; `largest` > 0. At least one value must have been added.
  Moments about(double largest) const;

 private:
  double unit_ = 0;  ///< largest |x| so far: the sums are of (|x| / unit)^j
  Moments sums_{};
};

/// Of the density that is the same over all of [-1, 1].
Moments uniform_moments();

/// What the squares of the error are weighted with.
///   uniform     the same over [-1, 1]: the Legendre coefficients of ReLU
///   calibrated  what calibration saw, mixed with a little of the uniform one so that the ends of the range stay
///               bounded, and with the mean error over what calibration saw held at 0: each value of a map is wrong by
///               a little, but a sum over very many of them is not wrong by as many times that
enum class ReluWeight : std::uint8_t { uniform, calibrated };

/// Least squares for max(t, 0) over [-1, 1] by t/2 and the even powers up to `degree` (is_relu_degree). Coefficients of
/// a calibrated fit have eight bits, since they go into the public plan and exact ones would tell of the weights and of
/// the calibration images. The uniform fit depends on the degree alone.
protocol::ReluFit fit_relu(unsigned degree, ReluWeight weight, const Moments& seen);

}  // namespace blindsight::model
