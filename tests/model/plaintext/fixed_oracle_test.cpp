#include "model/plaintext/fixed_oracle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace blindsight;
using namespace blindsight::model;

namespace {

/// One layer without a past: Plan and weights made by hand.
struct OneLayer {
  Plan plan;
  Weights weights;
};

OneLayer one_layer(const tensor::Shape& in, std::size_t out, const tensor::Window& window) {
  OneLayer l;
  l.plan.network.input = in;
  l.plan.network.layers.resize(1);
  auto& layer = l.plan.network.layers[0];
  layer.name = "only";
  layer.conv = {in, out, window};
  layer.fraction_bits = 4;
  layer.activation_bits = 8;
  layer.headroom_bits = 1;
  l.weights.layers.resize(1);
  l.weights.layers[0].filter.assign(layer.conv.filter_elements(), 0);
  l.weights.layers[0].bias.assign(out, 0);
  return l;
}

}  // namespace

TEST_CASE("a layer's integers equal the loops: convolution, bias, floor, maximum, ReLU, window sums") {
  auto l = one_layer({9, 8, 3}, 5, {3, 3, 1, 1, 1, 1, 1, 1});
  auto& layer = l.plan.network.layers[0];
  layer.max_pools = {{2, 2, 2, 2}};
  layer.relu = true;
  layer.average_pools = {{2, 2, 1, 1}};
  std::mt19937 generator(3);
  auto draw = [&](int bound) { return static_cast<int>(generator() % static_cast<unsigned>(2 * bound + 1)) - bound; };
  for (auto& w : l.weights.layers[0].filter) w = draw(40);
  for (auto& b : l.weights.layers[0].bias) b = draw(300);
  std::vector<std::int64_t> in(9 * 8 * 3);
  for (auto& x : in) x = draw(50);
  const auto trace = FixedOracle(l.plan, l.weights).run_layer(0, in, Rounding::floor);

  std::vector<std::int64_t> z;
  for (int y = 0; y < 9; ++y)
    for (int x = 0; x < 8; ++x)
      for (int o = 0; o < 5; ++o) {
        std::int64_t sum = l.weights.layers[0].bias[static_cast<std::size_t>(o)];
        for (int dy = 0; dy < 3; ++dy)
          for (int dx = 0; dx < 3; ++dx)
            for (int c = 0; c < 3; ++c) {
              const int py = y + dy - 1, px = x + dx - 1;
              if (py < 0 || px < 0 || py >= 9 || px >= 8) continue;
              sum += in[static_cast<std::size_t>((py * 8 + px) * 3 + c)] *
                     l.weights.layers[0].filter[static_cast<std::size_t>(((dy * 3 + dx) * 3 + c) * 5 + o)];
            }
        z.push_back(sum);
      }
  CHECK(trace.linear == z);
  CHECK(trace.smallest == *std::min_element(z.begin(), z.end()));
  CHECK(trace.largest == *std::max_element(z.begin(), z.end()));
  auto t = [&](int y, int x, int o) {
    const auto v = static_cast<double>(z[static_cast<std::size_t>((y * 8 + x) * 5 + o)]);
    return static_cast<std::int64_t>(std::floor(v / 16));
  };
  auto pooled = [&](int y, int x, int o) {
    return std::max<std::int64_t>(
        0, std::max({t(2 * y, 2 * x, o), t(2 * y, 2 * x + 1, o), t(2 * y + 1, 2 * x, o), t(2 * y + 1, 2 * x + 1, o)}));
  };
  std::vector<std::int64_t> expected;
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 3; ++x)
      for (int o = 0; o < 5; ++o)
        expected.push_back(pooled(y, x, o) + pooled(y, x + 1, o) + pooled(y + 1, x, o) + pooled(y + 1, x + 1, o));
  CHECK(trace.output == expected);
}

TEST_CASE("floor, nearest and dither round as they say") {
  auto l = one_layer({1, 1, 4096}, 4096, {});
  auto& filter = l.weights.layers[0].filter;
  for (std::size_t i = 0; i < 4096; ++i) filter[i * 4096 + i] = 1;
  std::vector<std::int64_t> in(4096);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::int64_t>(i) - 2048;
  const FixedOracle oracle(l.plan, l.weights);
  const auto floor = oracle.run_layer(0, in, Rounding::floor).output,
             nearest = oracle.run_layer(0, in, Rounding::nearest).output;
  double bias = 0;
  constexpr unsigned draws = 64;
  for (unsigned seed = 0; seed < draws; ++seed) {
    const auto dither = oracle.run_layer(0, in, Rounding::dither, seed).output;
    for (std::size_t i = 0; i < in.size(); ++i) {
      CHECK((dither[i] == floor[i] || (dither[i] == floor[i] + 1 && in[i] % 16 != 0)));
      bias += static_cast<double>(dither[i]) - static_cast<double>(in[i]) / 16;
    }
  }
  // Variance of one draw is at most 1/4: the mean of 2^18 draws lies within five deviations of 0.
  CHECK(std::abs(bias / (draws * 4096)) < 5 * 0.5 / 512);
  for (std::size_t i = 0; i < in.size(); ++i) {
    CHECK(floor[i] == static_cast<std::int64_t>(std::floor(static_cast<double>(in[i]) / 16)));
    CHECK(nearest[i] == static_cast<std::int64_t>(std::floor(static_cast<double>(in[i]) / 16 + 0.5)));
  }
  CHECK(oracle.run_layer(0, in, Rounding::dither, 1).output == oracle.run_layer(0, in, Rounding::dither, 1).output);
  CHECK(oracle.run_layer(0, in, Rounding::dither, 1).output != oracle.run_layer(0, in, Rounding::dither, 2).output);
}

TEST_CASE("with the polynomial for ReLU a layer is round(p(t / 2^A) · 2^A) after the maximum, before the sums") {
  auto l = one_layer({1, 4, 1}, 1, {});
  auto& layer = l.plan.network.layers[0];
  l.weights.layers[0].filter = {16};  // f = 4: t is the input
  layer.max_pools = {{1, 2, 1, 1}};
  layer.average_pools = {{1, 2, 1, 1}};
  layer.relu = true;
  layer.relu_fit.even = {0.125, 0.5, -0.25};
  const std::vector<std::int64_t> in = {-256, -64, 128, 100};
  auto p = [](double x) {
    const double t = x / 256;
    return static_cast<std::int64_t>(std::round(256 * (0.125 + 0.5 * t * t - 0.25 * t * t * t * t + t / 2)));
  };
  const auto polynomial =
      FixedOracle(l.plan, l.weights, protocol::plaintext::Relu::polynomial).run_layer(0, in, Rounding::floor);
  CHECK(polynomial.output == std::vector<std::int64_t>{p(-64) + p(128), p(128) + p(128)});
  CHECK(p(-64) == 8);  // 256 · (1/8 + 1/32 - 1/1024 - 1/8) = 7.75
  const auto exact = FixedOracle(l.plan, l.weights).run_layer(0, in, Rounding::floor);
  CHECK(exact.output == std::vector<std::int64_t>{0 + 128, 128 + 128});
  CHECK(exact.linear == polynomial.linear);
  layer.relu = false;
  CHECK(
      FixedOracle(l.plan, l.weights, protocol::plaintext::Relu::polynomial).run_layer(0, in, Rounding::floor).output ==
      std::vector<std::int64_t>{-64 + 128, 128 + 128});
}

TEST_CASE("a value beyond the range is told, at both ends of it and beyond 32 bits") {
  auto l = one_layer({1, 1, 1}, 1, {});
  l.weights.layers[0].filter = {1};
  const FixedOracle oracle(l.plan, l.weights);
  const std::int64_t q = 1 << 13, unit = 1 << 4;  // [-2^q, 2^q - 2^f] with q = 4 + 8 + 1
  auto worst = [&](std::int64_t z) { return oracle.run(std::vector{z}, Rounding::floor).worst[0]; };
  CHECK(worst(q - unit) == 1);
  CHECK(worst(q - unit + 1) > 1);
  CHECK(worst(-q) == 1);
  CHECK(worst(-q - 1) > 1);
  CHECK(worst(std::int64_t{1} << 32) > 1e5);
}
