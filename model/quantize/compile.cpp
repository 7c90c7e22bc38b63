#include "model/quantize/compile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/fault.h"
#include "model/plaintext/fixed_oracle.h"
#include "model/plan/output.h"
#include "model/plan/sizes.h"
#include "model/quantize/calibrate.h"
#include "model/quantize/rounding.h"
#include "protocol/core/numbers.h"
#include "protocol/core/text.h"

namespace blindsight::model {

using protocol::in_quotes;
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

/// The limits of the protocols that a plan is compiled for.
class Limits {
 public:
  explicit Limits(const std::vector<const protocol::Protocol*>& protocols) : protocols_(protocols) {}

  Result<void> check(const protocol::NetworkSpec& network, std::size_t i) const {
    for (const auto* protocol : protocols_)
      if (auto ok = protocol->check_layer(network, static_cast<protocol::LayerId>(i)); !ok)
        return fail("protocol " + std::string(protocol->name) + ": " + ok.error().what);
    return {};
  }
  bool winograd() const { return std::ranges::any_of(protocols_, &protocol::Protocol::winograd); }
  /// Bits that a layer's weights and biases must fit: servers add and multiply in its linear ring alone.
  unsigned linear_bits(const protocol::NetworkSpec& network, std::size_t i) const {
    unsigned bits = 63;  // what a bias is kept in
    for (const auto* protocol : protocols_)
      bits = std::min(bits, protocol->rings(network, static_cast<protocol::LayerId>(i)).linear_bits);
    return bits;
  }
  /// The largest f that the layer may have as it stands.
  unsigned most_fraction(protocol::NetworkSpec network, std::size_t i) const {
    constexpr unsigned most = 30;  // of weights' integers in 32 bits
    unsigned& f = network.layers[i].fraction_bits;
    unsigned found = f;
    while (f++ < most && check(network, i)) found = f;
    return found;
  }

 private:
  const std::vector<const protocol::Protocol*>& protocols_;
};

/// The fastest algorithm that leaves the layer within the limits.
void choose_algorithm(protocol::NetworkSpec& network, std::size_t i, const Limits& limits) {
  auto& layer = network.layers[i];
  const auto out = layer.conv_out();
  if (layer.conv.in.channels < least_winograd_channels) return;
  for (const auto& [algorithm, tile] :
       {std::pair{ConvAlgorithm::winograd4, 4U}, std::pair{ConvAlgorithm::winograd2, 2U}}) {
    if (!tensor::supports(algorithm, layer.conv) || out.height < tile || out.width < tile) continue;
    layer.algorithm = algorithm;
    if (limits.check(network, i)) return;
  }
  layer.algorithm = ConvAlgorithm::direct;
}

struct Scales {
  double in = 1;   ///< integers per real unit of the layer's input, window sums and the missing division included
  double out = 1;  ///< of its truncated result
};

/// A weight's rounding error is uniform over one integer, so with n inputs of root mean square x it adds
/// sqrt(n/12)·x / 2^f to the result, in ulps after truncation.
double weight_noise(const FloatLayer& layer, const LayerStatistics& seen, double in_scale, unsigned f) {
  const double inputs = static_cast<double>(layer.filter.size()) / static_cast<double>(layer.conv.out_channels);
  return std::sqrt(inputs / 12 * seen.input_mean_square) * in_scale / std::ldexp(1.0, static_cast<int>(f));
}

/// f from the resolution that the weights need.
unsigned choose_fraction(const FloatLayer& layer, const LayerStatistics& seen, double in_scale, double allowed,
                         unsigned least, unsigned most) {
  unsigned f = least;
  while (f < most && weight_noise(layer, seen, in_scale, f) > allowed) ++f;
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
void choose_activation(protocol::NetworkSpec& network, std::size_t i, const Limits& limits,
                       const std::vector<LayerStatistics>& seen, double resolution) {
  constexpr unsigned most_added = 2;
  LayerSpec& spec = network.layers[i];
  const double typical = std::sqrt(seen[i + 1].input_mean_square) / seen[i].largest;
  for (unsigned added = 0; added < most_added; ++added) {
    if (typical * std::ldexp(1.0, static_cast<int>(spec.activation_bits)) >= resolution) return;
    ++spec.activation_bits;
    if (limits.check(network, i)) continue;
    --spec.activation_bits;
    return;
  }
}

/// `ring`: bits that weights and biases must fit.
Result<LayerWeights> quantize(const FloatLayer& layer, const Scales& scale, unsigned f, unsigned ring) {
  const double unit = std::ldexp(1.0, static_cast<int>(f)) * scale.out, factor = unit / scale.in;
  const double bias_limit = std::ldexp(1.0, static_cast<int>(ring) - 1),
               limit = std::min(bias_limit, std::ldexp(1.0, 31));
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
    if (v < -bias_limit || v >= bias_limit)
      return fail("layer " + in_quotes(layer.name) + " has a bias of " + std::to_string(b) +
                  " that does not fit its ring of " + std::to_string(ring) +
                  " bits at its scale: give it more headroom bits, or calibrate on images that use it");
    out.bias.push_back(static_cast<std::int64_t>(v));
  }
  return out;
}

/// A name as a plan takes it.
std::string plan_name(const std::string& name) {
  return protocol::printable_in_bytes(name, longest_text);
}

/// What of a plan the network and the options say.
Result<Plan> outline(const FloatNetwork& network, const Preprocessing& preprocessing, const CompileOptions& options) {
  if (auto ok = check_options(network, preprocessing, options); !ok) return fail(ok.error().what);
  Plan plan;
  plan.model_name = plan_name(network.name);
  plan.preprocessing = preprocessing;
  plan.network.input_bits = options.input_bits;
  plan.output = options.output.value_or(output_kind(network));
  plan.threshold = options.threshold.value_or(plan.threshold);
  plan.labels = options.labels;
  plan.network.input = network.input;
  auto scale = input_scale(preprocessing, options.input_bits);
  if (!scale) return fail(scale.error().what);
  plan.input_scale = *scale;
  for (const FloatLayer& layer : network.layers) {
    LayerSpec spec;
    spec.name = plan_name(layer.name);
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
  return plan;
}

/// Widths that fit, and the algorithm for them. The layer's polynomial must be there.
Result<void> settle(protocol::NetworkSpec& network, std::size_t i, const CompileOptions& options) {
  const Limits limits(options.protocols);
  if (auto ok = limits.check(network, i); !ok) return ok;
  if (options.winograd && limits.winograd()) choose_algorithm(network, i, limits);
  return {};
}

/// Turns a calibrated network into integers, layer by layer.
class Quantizer {
 public:
  Quantizer(const FloatNetwork& network, const CompileOptions& options, std::vector<LayerStatistics> seen,
            Compiled& out)
      : network_(network), options_(options), seen_(std::move(seen)), out_(out), plan_(out.plan) {}

  Result<void> run() {
    scale_ = {plan_.input_scale, 1};
    // Any image that can be encoded at all is in this range.
    largest_input_ = (std::ldexp(1.0, static_cast<int>(plan_.network.input_bits) - 1) - 1) / plan_.input_scale;
    for (std::size_t i = 0; i < network_.layers.size(); ++i)
      if (auto ok = add(i); !ok) return ok;
    plan_.output_scale = scale_.out;
    out_.weights.nonce = fresh_nonce();
    plan_.weights_commitment = commitment(out_.weights);
    return {};
  }

 private:
  Result<void> add(std::size_t i) {
    const FloatLayer& layer = network_.layers[i];
    LayerSpec& spec = plan_.network.layers[i];
    if (auto ok = find_range(i); !ok) return ok;
    const double largest = seen_[i].largest;
    if (layer.relu && options_.relu_degree != 0)
      spec.relu_fit = fit_relu(options_.relu_degree, options_.relu_fit, seen_[i].before_relu.about(largest));
    if (auto ok = settle(plan_.network, i, options_); !ok) return ok;
    if (i + 1 < network_.layers.size()) choose_activation(plan_.network, i, limits_, seen_, options_.least_resolution);
    scale_.out = (std::ldexp(1.0, static_cast<int>(spec.activation_bits)) - 1) / largest;
    // The outputs' scale is public: the weights follow the rounded one, and the network stays what it was.
    if (i + 1 == network_.layers.size()) scale_.out = towards_zero_to_eight_bits(scale_.out);
    if (auto ok = choose_fraction_bits(i); !ok) return ok;
    auto weights = quantize(layer, scale_, spec.fraction_bits, limits_.linear_bits(plan_.network, i));
    if (!weights) return fail(weights.error().what);
    out_.weights.layers.push_back(std::move(*weights));
    out_.weights.scales.push_back(scale_.out);
    plan_.worst_calibrated.push_back(largest * scale_.out /
                                     std::ldexp(1.0, static_cast<int>(spec.activation_bits + spec.headroom_bits)));
    scale_.in = scale_.out * static_cast<double>(spec.window_elements());
    return {};
  }

  /// A layer that gave nothing but zeros gets the range that its weights allow; one that can give nothing else, any.
  Result<void> find_range(std::size_t i) {
    const FloatLayer& layer = network_.layers[i];
    double& largest = seen_[i].largest;
    const double bound = linear_bound(layer, largest_input_);
    if (bound == 0) {
      largest = 1;
      largest_input_ = 0;
      out_.warnings.push_back("layer " + in_quotes(layer.name) +
                              " gives nothing but zeros, whatever the image: its weights and biases, or all that it "
                              "reads, are zero. Is this the trained model?");
      return {};
    }
    if (!(largest > 0)) {
      if (!options_.accept_few_images)
        return fail(
            "layer " + in_quotes(layer.name) +
            " gave nothing but zeros in calibration, so that its range is not known: calibrate on images like "
            "those to be predicted, or say --accept-few-images to give it all the range that its weights allow");
      largest = bound;
      out_.warnings.push_back("layer " + in_quotes(layer.name) +
                              " gave nothing but zeros in calibration: its range is what its weights allow for any "
                              "image, and its results are as coarse");
    }
    largest_input_ = std::ldexp(largest, static_cast<int>(options_.headroom_bits));
    return {};
  }

  Result<void> choose_fraction_bits(std::size_t i) {
    const FloatLayer& layer = network_.layers[i];
    LayerSpec& spec = plan_.network.layers[i];
    const unsigned most = limits_.most_fraction(plan_.network, i);
    if (i == 0) lower_input_bits(most);
    spec.fraction_bits = choose_fraction(layer, seen_[i], scale_.in, options_.weight_noise, spec.fraction_bits, most);
    if (options_.weight_bits == 0) return {};
    auto fraction = bounded_fraction(layer, scale_, spec.fraction_bits, options_.weight_bits);
    if (!fraction) return fail(fraction.error().what);
    spec.fraction_bits = *fraction;
    return {};
  }

  /// See CompileOptions::input_bits. A bit less of the pixels halves the noise of the weights.
  void lower_input_bits(unsigned most_fraction) {
    auto too_fine = [&] {
      return weight_noise(network_.layers[0], seen_[0], scale_.in, most_fraction) > options_.weight_noise;
    };
    while (plan_.network.input_bits > default_input_bits && too_fine()) {
      --plan_.network.input_bits;
      plan_.input_scale = scale_.in = *input_scale(plan_.preprocessing, plan_.network.input_bits);
    }
    if (plan_.network.input_bits != options_.input_bits)
      out_.warnings.push_back("pixels have " + std::to_string(plan_.network.input_bits) + " bits instead of the " +
                              std::to_string(options_.input_bits) + " asked for: with more, the weights of layer " +
                              in_quotes(network_.layers[0].name) +
                              " would be rounded so coarsely that results get worse");
  }

  const FloatNetwork& network_;
  const CompileOptions& options_;
  const Limits limits_{options_.protocols};
  std::vector<LayerStatistics> seen_;
  Compiled& out_;
  Plan& plan_;
  Scales scale_;
  double largest_input_ = 0;  ///< bound on what the next layer reads, as long as no range is left
};

/// The integers themselves must keep the range, not only the reals that they came from. Also finds the stated error.
Result<void> run_integers(const FloatNetwork& network, const std::vector<Image>& images, Compiled& out,
                          const std::function<void(std::size_t)>& done) {
  Plan& plan = out.plan;
  const FixedOracle oracle(plan, out.weights);
  std::vector<std::vector<std::int64_t>> sample;
  for (std::size_t n = 0; n < images.size(); ++n) {
    const Image& image = images[n];
    auto input = encode_input(plan, image.values);
    if (!input) return fail("calibration image " + in_quotes(image.name) + ": " + input.error().what);
    const FixedRun run = oracle.run(*input, Rounding::nearest);
    for (std::size_t i = 0; i < run.worst.size(); ++i) {
      plan.worst_calibrated[i] = std::max(plan.worst_calibrated[i], run.worst[i]);
      if (run.worst[i] > 1)
        return fail("layer " + in_quotes(network.layers[i].name) + " reaches " + protocol::percent(run.worst[i], 0) +
                    " of its range on " + in_quotes(image.name) + ": give it more headroom bits");
    }
    if (n % std::max<std::size_t>(1, images.size() / dither_images) == 0) sample.push_back(std::move(*input));
    done(n + 1);
  }
  plan.stated_error = dither_error(oracle, plan, sample, dither_draws, 1);
  return {};
}

/// What calibration found and no result depends on. What results depend on is rounded where it is chosen: the outputs'
/// scale (Quantizer) and the coefficients of polynomials (fit_relu).
void round_what_is_told(Plan& plan) {
  for (double& worst : plan.worst_calibrated) worst = up_to_two_digits(worst);
  // Another weight means other roundings everywhere behind it, and so another estimate: finer, it were a hash of all.
  plan.stated_error = up_to_two_bits(plan.stated_error);
  for (LayerSpec& layer : plan.network.layers)
    for (double* error : {&layer.relu_fit.worst, &layer.relu_fit.rms})
      if (*error > 0) *error = up_to_two_digits(*error);
}

}  // namespace

Result<void> check_options(const FloatNetwork& network, const Preprocessing& preprocessing,
                           const CompileOptions& options) {
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
  const std::size_t outputs = network.layers.back().conv.out_channels;
  const OutputKind kind = options.output.value_or(output_kind(network));
  if (auto ok = check_output(kind, network); !ok) return ok;
  if (options.threshold && !has_threshold(kind))
    return fail("a threshold divides yes from no, and the outputs are told as " + std::string(name(kind)) +
                ": leave the threshold out, or say that the outputs are sigmoid (one) or independent (several)");
  if (options.threshold && !(*options.threshold >= 0 && *options.threshold <= 1))
    return fail("the threshold is a probability, from 0 to 1");
  return options.labels.empty() ? Result<void>{} : check_labels(options.labels, outputs);
}

Result<Plan> lay_out(const FloatNetwork& network, const Preprocessing& preprocessing, const CompileOptions& options) {
  auto plan = outline(network, preprocessing, options);
  if (!plan) return plan;
  protocol::ReluFit fit;
  if (options.relu_degree != 0) fit = fit_relu(options.relu_degree, ReluWeight::uniform, uniform_moments());
  plan->worst_calibrated.assign(network.layers.size(), 1);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    if (network.layers[i].relu) plan->network.layers[i].relu_fit = fit;
    if (auto ok = settle(plan->network, i, options); !ok) return fail(ok.error().what);
  }
  if (auto ok = check_plan(*plan); !ok) return fail(ok.error().what);
  return plan;
}

Result<Compiled> compile(const FloatNetwork& network, const Preprocessing& preprocessing,
                         const std::vector<Image>& images, const CompileOptions& options,
                         const std::function<void(std::size_t, std::size_t)>& progress) {
  Compiled out;
  // What no plan takes is told before the network is run.
  if (auto plan = lay_out(network, preprocessing, options); !plan) return fail(plan.error().what);
  auto plan = outline(network, preprocessing, options);
  if (!plan) return fail(plan.error().what);
  out.plan = std::move(*plan);
  const std::size_t channels = network.input.channels, runs = 2 * images.size();
  const Support support = support_of(images, channels);
  out.plan.calibration_images = static_cast<std::uint32_t>(support.counted.size());
  if (!options.accept_few_images)
    if (auto ok = check_support(support); !ok) return fail(ok.error().what);
  auto tell = [&](std::size_t done) {
    if (progress) progress(done, runs);
  };
  auto seen = calibrate(network, images, [&](std::size_t done, std::size_t) { tell(done); });
  if (!seen) return fail(seen.error().what);
  std::vector<std::string> names;
  for (const LayerSpec& layer : out.plan.network.layers) names.push_back(layer.name);
  out.growth = growth_of(*seen, names, support.counted);
  out.warnings = support_warnings(support, out.growth);

  if (auto ok = Quantizer(network, options, std::move(*seen), out).run(); !ok) return fail(ok.error().what);
  auto tell_of_integers = [&](std::size_t done) { tell(images.size() + done); };
  if (auto ok = run_integers(network, images, out, tell_of_integers); !ok) return fail(ok.error().what);
  round_what_is_told(out.plan);
  if (auto ok = check_plan(out.plan); !ok) return fail(ok.error().what);
  // Fewer bits than asked for may be too few, too.
  for (std::size_t i = 0; i < network.layers.size(); ++i)
    if (auto ok = Limits(options.protocols).check(out.plan.network, i); !ok) return fail(ok.error().what);
  return out;
}

}  // namespace blindsight::model
