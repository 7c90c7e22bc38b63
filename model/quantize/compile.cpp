#include "model/quantize/compile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/graph/graph.h"
#include "model/plaintext/fixed_oracle.h"
#include "model/quantize/calibrate.h"

namespace blindsight::model {

using protocol::fail;
using protocol::LayerSpec;
using protocol::LayerWeights;
using protocol::Result;
using tensor::ConvAlgorithm;

namespace {

/// Calibration images, at least, and draws for each, that tell how far the protocol's dither moves a logit.
constexpr std::size_t dither_images = 4;
constexpr unsigned dither_draws = 2;
/// Below this Winograd's transforms cost more than they save.
constexpr std::size_t least_winograd_channels = 16;

Result<double> input_scale(const Preprocessing& p, unsigned bits) {
  double largest = 0;
  for (std::size_t c = 0; c < p.mean.size(); ++c)
    for (const double pixel : {0.0, 255.0})
      largest = std::max(largest, std::abs((pixel * p.scale - p.mean[c]) / p.deviation[c]));
  if (!(largest > 0) || !std::isfinite(largest))
    return fail("the preprocessing maps every pixel to zero or to no number: check its scale, mean and deviation");
  const double scale = (std::ldexp(1.0, static_cast<int>(bits) - 1) - 1) / largest;
  // A whole scale keeps raw pixels exact.
  return scale >= 1 ? std::floor(scale) : scale;
}

ConvAlgorithm choose_algorithm(protocol::NetworkSpec& network, std::size_t i) {
  auto& layer = network.layers[i];
  const auto out = layer.conv_out();
  if (layer.conv.in.channels < least_winograd_channels) return ConvAlgorithm::direct;
  for (const auto& [algorithm, tile] :
       {std::pair{ConvAlgorithm::winograd4, 4U}, std::pair{ConvAlgorithm::winograd2, 2U}})
    if (tensor::supports(algorithm, layer.conv) && out.height >= tile && out.width >= tile &&
        linear_ring_bits(network, i) + tensor::bits_spent(algorithm) <= 32)
      return algorithm;
  return ConvAlgorithm::direct;
}

struct Scales {
  double in = 1;   ///< integers per real unit of the layer's input, window sums and the missing division included
  double out = 1;  ///< of its truncated result
};

/// f from the resolution that the weights need: a weight's rounding error is uniform over one integer, so with n inputs
/// of root mean square x it adds sqrt(n/12)·x / 2^f to the result.
unsigned choose_fraction(const FloatLayer& layer, const LayerStatistics& seen, double in_scale, double allowed,
                         unsigned least, unsigned most) {
  const double inputs = static_cast<double>(layer.filter.size()) / static_cast<double>(layer.conv.out_channels);
  const double noise = std::sqrt(inputs / 12 * seen.input_mean_square) * in_scale;
  unsigned f = least;
  while (f < most && noise / std::ldexp(1.0, static_cast<int>(f)) > allowed) ++f;
  return f;
}

/// The largest f, at most `most`, whose weight integers are of `bits` bits; see CompileOptions::weight_bits.
Result<unsigned> bounded_fraction(const FloatLayer& layer, const Scales& scale, unsigned most, unsigned bits) {
  const double bound = std::ldexp(1.0, static_cast<int>(bits) - 1) - 1;
  double largest = 0;
  for (const float w : layer.filter)
    largest = std::max(largest, std::abs(static_cast<double>(w)) * scale.out / scale.in);
  for (unsigned f = most; f > 0; --f)
    if (std::round(std::ldexp(largest, static_cast<int>(f))) <= bound) return f;
  return fail("layer " + in_quotes(layer.name) + " cannot have weights of " + std::to_string(bits) +
              " bits at its activations' scale: give it more weight bits or fewer activation bits");
}

/// A from the resolution that the outputs need; see CompileOptions::least_resolution. Stops where a ring is full, and
/// the algorithm stays.
void choose_activation(protocol::NetworkSpec& network, std::size_t i, const std::vector<LayerStatistics>& seen,
                       double resolution) {
  constexpr unsigned most_added = 2;
  LayerSpec& spec = network.layers[i];
  const double typical = std::sqrt(seen[i + 1].input_mean_square) / seen[i].largest;
  for (unsigned added = 0; added < most_added; ++added) {
    if (typical * std::ldexp(1.0, static_cast<int>(spec.activation_bits)) >= resolution) return;
    ++spec.activation_bits;
    if (check_widths(network, i)) continue;
    --spec.activation_bits;
    return;
  }
}

/// `ring`: bits of the layer's linear ring, which weights and biases must fit too: servers add and multiply in it
/// alone.
Result<LayerWeights> quantize(const FloatLayer& layer, const Scales& scale, unsigned f, unsigned ring) {
  const double unit = std::ldexp(1.0, static_cast<int>(f)) * scale.out, factor = unit / scale.in;
  const double limit = std::ldexp(1.0, static_cast<int>(std::min(ring, 32U)) - 1);
  LayerWeights out;
  out.filter.reserve(layer.filter.size());
  for (const float w : layer.filter) {
    const double v = std::round(w * factor);
    if (v < -limit || v >= limit)
      return fail("layer " + in_quotes(layer.name) + " has a weight of " + std::to_string(w) +
                  " that does not fit its ring of " + std::to_string(ring) +
                  " bits at its scale: lower the fraction or activation bits, or calibrate on images that use it");
    out.filter.push_back(static_cast<std::int32_t>(v));
  }
  for (const float b : layer.bias) {
    const double v = std::round(b * unit);
    if (v < -limit || v >= limit)
      return fail("layer " + in_quotes(layer.name) + " has a bias of " + std::to_string(b) +
                  " that does not fit its ring of " + std::to_string(ring) +
                  " bits at its scale: give it more headroom bits, or calibrate on images that use it");
    out.bias.push_back(static_cast<std::int64_t>(v));
  }
  return out;
}

std::string percent(double share) {
  return std::to_string(static_cast<long>(std::lround(share * 100))) + " %";
}

}  // namespace

Result<Compiled> compile(const FloatNetwork& network, const Preprocessing& preprocessing,
                         const std::vector<Image>& images, const CompileOptions& options,
                         const std::function<void(std::size_t, std::size_t)>& progress) {
  if (network.layers.empty()) return fail("the network has no layers");
  if (preprocessing.size != network.input)
    return fail("the preprocessing makes images of another size than the network reads");
  if (options.input_bits < 2 || options.input_bits > 24) return fail("input bits must be 2 to 24");
  for (const unsigned bits : {options.activation_bits, options.output_bits, options.fraction_bits})
    if (bits < 2 || bits > 24) return fail("activation, output and fraction bits must be 2 to 24");
  if (options.weight_bits == 1 || options.weight_bits > 32)
    return fail("weight bits must be 2 to 32, or 0 for no bound");
  if (options.relu_degree != 0 && !is_relu_degree(options.relu_degree))
    return fail("the degree of the polynomial for ReLU must be 2, 4, 6 or 8, or 0 for none");
  if (!(options.weight_noise > 0)) return fail("the weight noise allowed must be above 0");
  auto seen = calibrate(network, images, progress);
  if (!seen) return fail(seen.error().what);

  Compiled out;
  Plan& plan = out.plan;
  plan.model_name = network.name;
  plan.preprocessing = preprocessing;
  plan.input_bits = options.input_bits;
  plan.post = network.post;
  plan.labels = options.labels;
  plan.calibration_images = static_cast<std::uint32_t>(images.size());
  plan.network.input = network.input;
  auto scale_in = input_scale(preprocessing, options.input_bits);
  if (!scale_in) return fail(scale_in.error().what);
  plan.input_scale = *scale_in;

  for (const FloatLayer& layer : network.layers) {
    LayerSpec spec;
    spec.name = layer.name;
    spec.conv = layer.conv;
    spec.bias_per_position = layer.bias_per_position();
    spec.max_pools = layer.max_pools;
    spec.relu = layer.relu;
    spec.average_pools = layer.average_pools;
    spec.activation_bits = options.activation_bits;
    spec.headroom_bits = options.headroom_bits;
    spec.fraction_bits = options.fraction_bits;
    plan.network.layers.push_back(std::move(spec));
  }
  plan.network.layers.back().activation_bits = options.output_bits;

  Scales scale{plan.input_scale, 1};
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const FloatLayer& layer = network.layers[i];
    LayerSpec& spec = plan.network.layers[i];
    const double largest = (*seen)[i].largest;
    if (!(largest > 0))
      return fail("layer " + in_quotes(layer.name) +
                  " gave nothing but zeros in calibration: its scale cannot be found; calibrate on other images");
    if (layer.relu && options.relu_degree != 0)
      spec.relu_fit = fit_relu(options.relu_degree, options.relu_fit, (*seen)[i].before_relu.about(largest));
    if (auto ok = check_widths(plan.network, i); !ok) return fail(ok.error().what);
    spec.algorithm = options.winograd ? choose_algorithm(plan.network, i) : ConvAlgorithm::direct;
    if (i + 1 < network.layers.size()) choose_activation(plan.network, i, *seen, options.least_resolution);
    scale.out = (std::ldexp(1.0, static_cast<int>(spec.activation_bits)) - 1) / largest;
    const unsigned room = 32 - tensor::bits_spent(spec.algorithm) - linear_ring_bits(plan.network, i);
    spec.fraction_bits = choose_fraction(layer, (*seen)[i], scale.in, options.weight_noise, spec.fraction_bits,
                                         spec.fraction_bits + room);
    if (options.weight_bits != 0) {
      auto fraction = bounded_fraction(layer, scale, spec.fraction_bits, options.weight_bits);
      if (!fraction) return fail(fraction.error().what);
      spec.fraction_bits = *fraction;
    }
    auto weights = quantize(layer, scale, spec.fraction_bits, linear_ring_bits(plan.network, i));
    if (!weights) return fail(weights.error().what);
    out.weights.layers.push_back(std::move(*weights));
    const double worst =
        largest * scale.out / std::ldexp(1.0, static_cast<int>(spec.activation_bits + spec.headroom_bits));
    plan.calibration.push_back({scale.out, largest, worst});
    scale.in = scale.out * static_cast<double>(spec.window_elements());
  }
  plan.output_scale = scale.out;
  plan.weights_digest = digest(out.weights);

  // The integers themselves must keep the range, not only the reals that they came from.
  const FixedOracle oracle(plan, out.weights);
  std::vector<std::vector<std::int64_t>> sample;
  for (const Image& image : images) {
    auto input = encode_input(plan, image.values);
    if (!input) return fail("calibration image " + in_quotes(image.name) + ": " + input.error().what);
    const FixedRun run = oracle.run(*input, Rounding::nearest);
    for (std::size_t i = 0; i < run.worst.size(); ++i) {
      plan.calibration[i].worst = std::max(plan.calibration[i].worst, run.worst[i]);
      if (run.worst[i] > 1)
        return fail("layer " + in_quotes(network.layers[i].name) + " reaches " + percent(run.worst[i]) +
                    " of its range on " + in_quotes(image.name) + ": give it more headroom bits");
    }
    const std::size_t index = static_cast<std::size_t>(&image - images.data());
    if (index % std::max<std::size_t>(1, images.size() / dither_images) == 0) sample.push_back(std::move(*input));
  }
  plan.stated_error = dither_error(oracle, plan, sample, dither_draws, 1);
  if (auto ok = check_plan(plan); !ok) return fail(ok.error().what);
  return out;
}

}  // namespace blindsight::model
