#include "model/quantize/relu_fit.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "model/quantize/rounding.h"
#include "protocol/plaintext/relu.h"

using namespace blindsight;
using namespace blindsight::model;
using protocol::plaintext::relu_polynomial;

namespace {

double error_at(const protocol::ReluFit& fit, double t) {
  return relu_polynomial(fit, t) - std::max(t, 0.0);
}

/// As activations are: most beside zero, few large.
std::vector<float> heavy_tailed(std::size_t count) {
  std::mt19937 generator(5);
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    const double u = static_cast<double>(generator() >> 8) / (1 << 24) * 2 - 1;
    values.push_back(static_cast<float>(7 * std::pow(u, 5)));
  }
  values.push_back(7);
  return values;
}

Moments moments_of(const std::vector<float>& values, double largest) {
  MomentSums sums;
  sums.add(values);
  return sums.about(largest);
}

}  // namespace

TEST_CASE("the uniform fit is ReLU's Legendre series") {
  // Exact rationals; worst and rms measured on 200,001 points of [-1, 1].
  struct Known {
    unsigned degree;
    std::vector<double> even;
    double worst, rms;
  };
  const Known all[] = {
      {2, {3. / 32, 15. / 32}, 0.09375, 0.036084572},
      {4, {15. / 256, 105. / 128, -105. / 256}, 0.05859375, 0.018042286},
      {6, {175. / 4096, 4725. / 4096, -5775. / 4096, 3003. / 4096}, 0.042724609, 0.011276429},
      {8,
       {2205. / 65536, 24255. / 16384, -105105. / 32768, 63063. / 16384, -109395. / 65536},
       0.033645630,
       0.007893500},
  };
  for (const auto& known : all) {
    CAPTURE(known.degree);
    const auto fit = fit_relu(known.degree, ReluWeight::uniform, uniform_moments());
    CHECK(fit.degree() == known.degree);
    REQUIRE(fit.even.size() == known.even.size());
    for (std::size_t k = 0; k < fit.even.size(); ++k)
      CHECK(fit.even[k] == doctest::Approx(known.even[k]).epsilon(1e-9));
    CHECK(fit.worst == doctest::Approx(known.worst).epsilon(1e-7));
    CHECK(fit.rms == doctest::Approx(known.rms).epsilon(1e-4));
  }
}

TEST_CASE("moments do not depend on how the values came, nor on their unit") {
  const auto values = heavy_tailed(4000);
  MomentSums parts;
  for (std::size_t i = 0; i < values.size(); i += 500)
    parts.add(std::span(values).subspan(i, std::min<std::size_t>(500, values.size() - i)));
  const auto m = parts.about(7);
  for (std::size_t j = 0; j < m.size(); ++j) {
    double mean = 0;
    for (const float v : values) mean += std::pow(std::abs(static_cast<double>(v)) / 7, static_cast<double>(j));
    CHECK(m[j] == doctest::Approx(mean / static_cast<double>(values.size())).epsilon(1e-9));
  }
  auto huge = values;
  for (float& v : huge) v *= 1e30F;
  const auto same = moments_of(huge, 7e30);
  for (std::size_t j = 0; j < m.size(); ++j) CHECK(same[j] == doctest::Approx(m[j]).epsilon(1e-5));
  MomentSums zeros;
  zeros.add(std::vector<float>(10, 0));
  CHECK(zeros.about(1)[0] == 1);
  CHECK(zeros.about(1)[1] == 0);
}

TEST_CASE("the calibrated fit is better where the values are, right in the mean, and bounded at the ends") {
  const auto values = heavy_tailed(20000);
  const auto seen = moments_of(values, 7);
  double before = 1;
  for (unsigned degree = 2; degree <= largest_relu_degree; degree += 2) {
    CAPTURE(degree);
    const auto flat = fit_relu(degree, ReluWeight::uniform, seen), fit = fit_relu(degree, ReluWeight::calibrated, seen);
    double mean = 0, squares = 0, worst = 0;
    for (const float v : values) {
      const double e = error_at(fit, static_cast<double>(v) / 7);
      mean += e / static_cast<double>(values.size());
      squares += e * e / static_cast<double>(values.size());
    }
    for (int i = -1000; i <= 1000; ++i) worst = std::max(worst, std::abs(error_at(fit, i / 1000.0)));
    // But for the last coefficient's rounding.
    CHECK(std::abs(mean) <= std::abs(fit.even[0]) / 256);
    CHECK(fit.rms == doctest::Approx(std::sqrt(squares)).epsilon(1e-6));
    CHECK(fit.worst == doctest::Approx(worst).epsilon(1e-3));
    CHECK(fit.rms < 0.7 * flat.rms);
    CHECK(fit.rms < before);
    CHECK(fit.worst < 0.5);
    before = fit.rms;
  }
}

TEST_CASE("coefficients of a calibrated fit have eight bits, which cost it next to nothing") {
  const auto seen = moments_of(heavy_tailed(20000), 7);
  // What exact coefficients of the same least squares leave, computed apart.
  constexpr double exact[] = {0.038919604, 0.022495582, 0.015640915, 0.011956092};
  for (unsigned degree = 2; degree <= largest_relu_degree; degree += 2) {
    CAPTURE(degree);
    const auto fit = fit_relu(degree, ReluWeight::calibrated, seen);
    for (const double c : fit.even) CHECK(c == to_eight_bits(c));
    CHECK(fit.rms >= exact[degree / 2 - 1]);
    CHECK(fit.rms <= 1.005 * exact[degree / 2 - 1]);
  }
}

TEST_CASE("a layer that only ever saw zeros still has a bounded polynomial that keeps them") {
  MomentSums zeros;
  zeros.add(std::vector<float>(100, 0));
  const auto fit = fit_relu(4, ReluWeight::calibrated, zeros.about(1));
  CHECK(std::abs(fit.even[0]) < 1e-9);
  CHECK(fit.worst < 0.5);
  CHECK(fit.rms < 1e-6);
}

TEST_CASE("the integer polynomial rounds p to the nearest ulp, and stays defined far out of range") {
  const auto fit = fit_relu(8, ReluWeight::uniform, uniform_moments());
  protocol::plaintext::Values x;
  for (std::int64_t v = -1024; v <= 1024; ++v) x.push_back(v);
  const auto before = x;
  protocol::plaintext::relu(x, fit, 10);
  for (std::size_t i = 0; i < x.size(); ++i)
    CHECK(std::abs(static_cast<double>(x[i]) - 1024 * relu_polynomial(fit, static_cast<double>(before[i]) / 1024)) <=
          0.5);
  protocol::plaintext::Values far{std::int64_t{1} << 60, -(std::int64_t{1} << 60)};
  protocol::plaintext::relu(far, fit, 10);
  for (const auto v : far) CHECK(std::abs(v) <= std::int64_t{1} << 52);
}
