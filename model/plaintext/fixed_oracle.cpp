#include "model/plaintext/fixed_oracle.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>

namespace blindsight::model {
namespace {

using protocol::LayerSpec;
using tensor::Shape;
using tensor::Window;
using tensor::Word64;

/// SplitMix64's output function: a draw that depends on where it is used alone, so threads do not change it.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

template <class Fold>
std::vector<std::int64_t> fold_windows(const Shape& in, const Window& w, const std::vector<std::int64_t>& data,
                                       std::int64_t start, Fold&& fold) {
  const Shape out{w.out_height(in.height), w.out_width(in.width), in.channels};
  std::vector<std::int64_t> result(out.elements(), start);
  tbb::parallel_for(std::size_t{0}, out.height, [&](std::size_t y) {
    for (std::size_t x = 0; x < out.width; ++x) {
      std::int64_t* to = result.data() + (y * out.width + x) * in.channels;
      for (std::size_t dy = 0; dy < w.height; ++dy)
        for (std::size_t dx = 0; dx < w.width; ++dx) {
          const std::size_t py = y * w.stride_y + dy, px = x * w.stride_x + dx;
          if (py < w.pad_top || py - w.pad_top >= in.height || px < w.pad_left || px - w.pad_left >= in.width) continue;
          const std::int64_t* from = data.data() + ((py - w.pad_top) * in.width + px - w.pad_left) * in.channels;
          for (std::size_t c = 0; c < in.channels; ++c) to[c] = fold(to[c], from[c]);
        }
    }
  });
  return result;
}

std::vector<std::int64_t> pooled_output(const LayerSpec& layer, std::vector<std::int64_t> t) {
  Shape shape = layer.conv_out();
  auto shrink = [&](const Window& w) {
    shape = {w.out_height(shape.height), w.out_width(shape.width), shape.channels};
  };
  for (const Window& w : layer.max_pools) {
    t = fold_windows(shape, w, t, INT64_MIN, [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
    shrink(w);
  }
  if (layer.relu)
    for (auto& v : t) v = std::max<std::int64_t>(v, 0);
  for (const Window& w : layer.average_pools) {
    t = fold_windows(shape, w, t, 0, [](std::int64_t a, std::int64_t b) { return a + b; });
    shrink(w);
  }
  return t;
}

}  // namespace

/// 64-bit words, so that a sum beyond the plan's range is seen instead of wrapping: Winograd leaves 58 bits, weights
/// have at most 32 and inputs within range at most 16 above the window sums.
struct FixedOracle::Prepared {
  tensor::PreparedFilter<Word64> filter;
};

FixedOracle::FixedOracle(const Plan& plan, const Weights& weights) : plan_(plan), weights_(weights) {
  for (std::size_t i = 0; i < plan.network.layers.size(); ++i) {
    const auto& filter = weights.layers[i].filter;
    tensor::Buffer<Word64> words(filter.size());
    for (std::size_t j = 0; j < filter.size(); ++j) words[j] = static_cast<Word64>(std::int64_t{filter[j]});
    const auto& layer = plan.network.layers[i];
    prepared_.push_back({tensor::prepare_filter<Word64>(layer.conv, layer.algorithm, words)});
  }
}

FixedOracle::~FixedOracle() = default;

FixedTrace FixedOracle::run_layer(std::size_t index, std::span<const std::int64_t> in, Rounding rounding,
                                  std::uint64_t seed) const {
  const LayerSpec& layer = plan_.network.layers[index];
  const Shape out = layer.conv_out();
  FixedTrace trace;
  trace.linear.resize(out.elements());
  const std::span<const Word64> in_words(reinterpret_cast<const Word64*>(in.data()), in.size());
  const std::span<Word64> out_words(reinterpret_cast<Word64*>(trace.linear.data()), trace.linear.size());
  tensor::convolve_rows<Word64>(prepared_[index].filter, in_words, {0, layer.conv.in.height}, {0, out.height},
                                out_words, false);

  const auto& bias = weights_.layers[index].bias;
  const unsigned f = layer.fraction_bits;
  const std::int64_t unit = std::int64_t{1} << f;
  const unsigned unused =
      tensor::bits_spent(layer.algorithm);  // top bits that Winograd leaves zero: the sign is below them
  const std::uint64_t key = mix(mix(seed) + index);
  std::vector<std::int64_t> t(trace.linear.size());
  for (std::size_t i = 0; i < t.size(); ++i) {
    std::int64_t& z = trace.linear[i];
    z = static_cast<std::int64_t>(static_cast<Word64>(z) << unused) >> unused;
    z += bias[i % out.channels];
    trace.smallest = std::min(trace.smallest, z);
    trace.largest = std::max(trace.largest, z);
    const std::int64_t add = rounding == Rounding::floor ? 0
                             : rounding == Rounding::nearest
                                 ? unit / 2
                                 : static_cast<std::int64_t>(mix(key + i) & static_cast<std::uint64_t>(unit - 1));
    t[i] = (z + add) >> f;
  }
  const double bound = std::ldexp(1.0, static_cast<int>(layer.range_bits()));
  trace.worst = std::max(-static_cast<double>(trace.smallest) / bound,
                         static_cast<double>(trace.largest) / (bound - static_cast<double>(unit)));
  trace.output = pooled_output(layer, std::move(t));
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
