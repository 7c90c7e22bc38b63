#include "model/quantize/relu_fit.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

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
  Moments m;
  const double share = weight == ReluWeight::uniform ? 1 : uniform_share;
  for (std::size_t j = 0; j < m.size(); ++j) m[j] = share * flat[j] + (1 - share) * seen[j];

  // The even part of ReLU is |t|/2. Normal equations for Σ even[k] t^(2k):  Σ_k m[2i + 2k] even[k] = m[2i + 1] / 2,
  // in units that make their diagonal 1; with a Lagrange multiplier for Σ seen[2k] even[k] = seen[1] / 2.
  const auto terms = static_cast<Eigen::Index>(degree) / 2 + 1;
  const Eigen::Index constraints = weight == ReluWeight::calibrated ? 1 : 0;
  Eigen::VectorXd unit(terms);
  for (Eigen::Index i = 0; i < terms; ++i) unit[i] = 1 / std::sqrt(m[static_cast<std::size_t>(4 * i)]);
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(terms + constraints, terms + constraints);
  Eigen::VectorXd b(terms + constraints);
  for (Eigen::Index i = 0; i < terms; ++i) {
    for (Eigen::Index k = 0; k < terms; ++k) a(i, k) = m[static_cast<std::size_t>(2 * (i + k))] * unit[i] * unit[k];
    b[i] = m[static_cast<std::size_t>(2 * i + 1)] / 2 * unit[i];
    if (constraints != 0) a(terms, i) = a(i, terms) = seen[static_cast<std::size_t>(2 * i)] * unit[i];
  }
  if (constraints != 0) b[terms] = seen[1] / 2;
  const Eigen::VectorXd solution = a.fullPivLu().solve(b);

  protocol::ReluFit fit;
  for (Eigen::Index i = 0; i < terms; ++i) fit.even.push_back(solution[i] * unit[i]);
  fit.worst = worst_error(fit);
  // Mean of (Σ even[k] t^(2k) - |t|/2)² over what was seen.
  double square = seen[2] / 4;
  for (std::size_t i = 0; i < fit.even.size(); ++i) {
    square -= fit.even[i] * seen[2 * i + 1];
    for (std::size_t k = 0; k < fit.even.size(); ++k) square += fit.even[i] * fit.even[k] * seen[2 * (i + k)];
  }
  fit.rms = std::sqrt(std::max(square, 0.0));
  return fit;
}

}  // namespace blindsight::model
