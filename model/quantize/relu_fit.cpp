#include "model/quantize/relu_fit.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "model/quantize/rounding.h"
#include "protocol/plaintext/relu.h"

namespace blindsight::model {

namespace {

/// Share of the uniform density in the calibrated weight.
constexpr double uniform_share = 0.01;

/// Points of [0, 1] where the largest error is looked for; the error is even.
constexpr unsigned error_samples = 100'000;

double worst_error(const protocol::ReluFit& fit) {
  double worst = 0;
  for (unsigned i = 0; i <= error_samples; ++i) {
    const double t = static_cast<double>(i) / error_samples;
    worst = std::max(worst, std::abs(protocol::plaintext::relu_polynomial(fit, t) - t));
  }
  return worst;
}

/// Least squares for the even part of ReLU, |t|/2, by Σ even[k] t^(2k) with the moments `weight`. With `seen`, the mean
/// error over it is held at 0.
class LeastSquares {
 public:
  LeastSquares(const Moments& weight, const Moments* seen) : weight_(weight), seen_(seen) {}

  /// The best even[0], even[1], …, even[free - 1] beside those that `fixed` has from there on.
  std::vector<double> solve(std::size_t free, std::span<const double> fixed) const {
    // Normal equations  Σ_k m[2i + 2k] even[k] = m[2i + 1] / 2,  in units that make their diagonal 1; with a Lagrange
    // multiplier for  Σ_k seen[2k] even[k] = seen[1] / 2.
    const auto terms = static_cast<Eigen::Index>(free), constraints = static_cast<Eigen::Index>(seen_ ? 1 : 0);
    Eigen::VectorXd unit(terms), b(terms + constraints);
    for (Eigen::Index i = 0; i < terms; ++i) unit[i] = 1 / std::sqrt(at(weight_, 2 * i, 2 * i));
    Eigen::MatrixXd a = Eigen::MatrixXd::Zero(terms + constraints, terms + constraints);
    const auto total = static_cast<Eigen::Index>(fixed.size());
    for (Eigen::Index i = 0; i < terms; ++i) {
      double rest = at(weight_, 2 * i, 1) / 2;
      for (Eigen::Index k = terms; k < total; ++k)
        rest -= at(weight_, 2 * i, 2 * k) * fixed[static_cast<std::size_t>(k)];
      b[i] = rest * unit[i];
      for (Eigen::Index k = 0; k < terms; ++k) a(i, k) = at(weight_, 2 * i, 2 * k) * unit[i] * unit[k];
      if (seen_) a(terms, i) = a(i, terms) = at(*seen_, 2 * i, 0) * unit[i];
    }
    if (seen_) {
      b[terms] = at(*seen_, 1, 0) / 2;
      for (Eigen::Index k = terms; k < total; ++k)
        b[terms] -= at(*seen_, 2 * k, 0) * fixed[static_cast<std::size_t>(k)];
    }
    const Eigen::VectorXd solution = a.fullPivLu().solve(b);
    std::vector<double> even;
    for (Eigen::Index i = 0; i < terms; ++i) even.push_back(solution[i] * unit[i]);
    return even;
  }

 private:
  static double at(const Moments& moments, Eigen::Index i, Eigen::Index k) {
    return moments[static_cast<std::size_t>(i + k)];
  }

  const Moments& weight_;
  const Moments* seen_;
};

/// The coefficients in eight bits, one after another from the highest power on: each time those below it are fitted
/// again to what its rounding left, so that the polynomial loses far less than its coefficients do.
std::vector<double> fit_in_eight_bits(const LeastSquares& problem, std::size_t terms) {
  std::vector<double> even(terms);
  for (std::size_t free = terms; free > 0; --free) even[free - 1] = to_eight_bits(problem.solve(free, even)[free - 1]);
  return even;
}

/// Root mean square of Σ even[k] t^(2k) - |t|/2 over what was seen.
double rms_error(const std::vector<double>& even, const Moments& seen) {
  double square = seen[2] / 4;
  for (std::size_t i = 0; i < even.size(); ++i) {
    square -= even[i] * seen[2 * i + 1];
    for (std::size_t k = 0; k < even.size(); ++k) square += even[i] * even[k] * seen[2 * (i + k)];
  }
  return std::sqrt(std::max(square, 0.0));
}

}  // namespace

void MomentSums::add(std::span<const float> values) {
  double largest = 0;
  for (const float v : values) largest = std::max(largest, std::abs(static_cast<double>(v)));
  if (largest > unit_) {
    double power = 1;
    for (double& sum : sums_) {
      sum *= power;
      power *= unit_ / largest;
    }
    unit_ = largest;
  }
  const double factor = unit_ > 0 ? 1 / unit_ : 0;
  Moments sums{};
  for (const float v : values) {
    const double t = std::abs(static_cast<double>(v)) * factor;
    double power = 1;
    for (double& sum : sums) {
      sum += power;
      power *= t;
    }
  }
  for (std::size_t j = 0; j < sums.size(); ++j) sums_[j] += sums[j];
}

Moments MomentSums::about(double largest) const {
  Moments means;
  double power = 1 / sums_[0];
  for (std::size_t j = 0; j < means.size(); ++j) {
    means[j] = sums_[j] * power;
    power *= unit_ / largest;
  }
  return means;
}

Moments uniform_moments() {
  Moments means;
  for (std::size_t j = 0; j < means.size(); ++j) means[j] = 1 / static_cast<double>(j + 1);
  return means;
}

protocol::ReluFit fit_relu(unsigned degree, ReluWeight weight, const Moments& seen) {
  const Moments flat = uniform_moments();
  const std::size_t terms = degree / 2 + 1;
  protocol::ReluFit fit;
  if (weight == ReluWeight::uniform) {
    fit.even = LeastSquares(flat, nullptr).solve(terms, {});
  } else {
    Moments mixed;
    for (std::size_t j = 0; j < mixed.size(); ++j) mixed[j] = uniform_share * flat[j] + (1 - uniform_share) * seen[j];
    fit.even = fit_in_eight_bits({mixed, &seen}, terms);
  }
  fit.worst = worst_error(fit);
  fit.rms = rms_error(fit.even, seen);
  return fit;
}

}  // namespace blindsight::model
