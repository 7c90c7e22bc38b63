#include "model/plaintext/fixed_oracle.h"

#include <algorithm>
#include <cmath>

#include "protocol/plaintext/layer.h"
#include "protocol/plaintext/truncate.h"

namespace blindsight::model {
namespace {

using protocol::LayerSpec;

/// SplitMix64's output function: a draw that depends on where it is used alone, so threads do not change it.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

struct FixedOracle::Prepared {
  protocol::plaintext::ClearWeights weights;
};

FixedOracle::FixedOracle(const Plan& plan, const Weights& weights, protocol::plaintext::Relu relu)
    : plan_(plan), relu_(relu) {
  for (std::size_t i = 0; i < plan.network.layers.size(); ++i)
    prepared_.push_back({protocol::plaintext::prepare(plan.network.layers[i], weights.layers[i])});
}

FixedOracle::~FixedOracle() = default;

FixedTrace FixedOracle::run_layer(std::size_t index, std::span<const std::int64_t> in, Rounding rounding,
                                  std::uint64_t seed) const {
  const LayerSpec& layer = plan_.network.layers[index];
  FixedTrace trace;
  trace.linear = protocol::plaintext::conv2d(prepared_[index].weights, in);
  const unsigned f = layer.fraction_bits;
  const std::int64_t unit = std::int64_t{1} << f;
  const std::uint64_t key = mix(mix(seed) + index);
  std::vector<std::int64_t> t(trace.linear.size());
  for (std::size_t i = 0; i < t.size(); ++i) {
    const std::int64_t z = trace.linear[i];
    trace.smallest = std::min(trace.smallest, z);
    trace.largest = std::max(trace.largest, z);
    const std::int64_t add = rounding == Rounding::floor ? 0
                             : rounding == Rounding::nearest
                                 ? unit / 2
                                 : static_cast<std::int64_t>(mix(key + i) & static_cast<std::uint64_t>(unit - 1));
    t[i] = z + add;
  }
  protocol::plaintext::truncate(t, f);
  const double bound = std::ldexp(1.0, static_cast<int>(layer.range_bits()));
  trace.worst = std::max(-static_cast<double>(trace.smallest) / bound,
                         static_cast<double>(trace.largest) / (bound - static_cast<double>(unit)));
  trace.output = protocol::plaintext::after_truncation(layer, std::move(t), relu_);
  return trace;
}

FixedRun FixedOracle::run(std::span<const std::int64_t> input, Rounding rounding, std::uint64_t seed,
                          const std::function<void(std::size_t, const FixedTrace&)>& layer) const {
  FixedRun run;
  run.output.assign(input.begin(), input.end());
  for (std::size_t i = 0; i < prepared_.size(); ++i) {
    FixedTrace trace = run_layer(i, run.output, rounding, seed);
    run.worst.push_back(trace.worst);
    if (layer) layer(i, trace);
    run.output = std::move(trace.output);
  }
  return run;
}

double dither_error(const FixedOracle& oracle, const Plan& plan, std::span<const std::vector<std::int64_t>> inputs,
                    unsigned draws, std::uint64_t seed) {
  double squares = 0, count = 0;
  for (const auto& input : inputs) {
    const FixedRun nearest = oracle.run(input, Rounding::nearest);
    for (unsigned d = 0; d < draws; ++d) {
      const FixedRun run = oracle.run(input, Rounding::dither, seed++);
      for (std::size_t i = 0; i < run.output.size(); ++i)
        squares += std::pow(static_cast<double>(run.output[i] - nearest.output[i]), 2);
      count += static_cast<double>(run.output.size());
    }
  }
  constexpr double deviations = 8;
  return (deviations * std::sqrt(squares / count) + 1) / plan.output_scale;
}

}  // namespace blindsight::model
