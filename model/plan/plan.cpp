#include "model/plan/plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "model/fault.h"
#include "model/files/files.h"
#include "model/graph/graph.h"
#include "model/plan/output.h"
#include "model/plan/sizes.h"
#include "model/quantize/relu_fit.h"
#include "protocol/core/text.h"
#include "tensor/fixed_point.h"

namespace blindsight::model {

using protocol::LayerSpec;
using protocol::Result;
using tensor::Shape;
using tensor::Window;

namespace {

constexpr unsigned most_input_bits = 32;
constexpr std::size_t largest_pool_cells = 1 << 20;
/// Products, comparisons or additions of a layer that a party can still do.
constexpr double most_work = 1e13;
constexpr std::size_t largest_side = 1 << 16, largest_channels = 1 << 26, largest_elements = std::size_t{1} << 28;

bool sane(const Shape& s) {
  return s.height > 0 && s.height <= largest_side && s.width > 0 && s.width <= largest_side && s.channels > 0 &&
         s.channels <= largest_channels && s.height * s.width <= largest_elements / s.channels;
}

bool sane(const Window& w) {
  for (const std::size_t v : {w.height, w.width, w.stride_y, w.stride_x})
    if (v == 0 || v > largest_side) return false;
  for (const std::size_t v : {w.pad_top, w.pad_left, w.pad_bottom, w.pad_right})
    if (v > largest_side) return false;
  return true;
}

/// A fit is of a degree that we make and stays far from where a double, or a ring, would be full.
bool sane(const protocol::ReluFit& fit, bool relu) {
  constexpr double largest_coefficient = 1 << 20;
  auto small = [](double v) { return std::abs(v) <= largest_coefficient; };  // false for NaN
  if (fit.even.empty()) return fit == protocol::ReluFit{};
  return relu && is_relu_degree(fit.degree()) && std::all_of(fit.even.begin(), fit.even.end(), small) &&
         fit.worst >= 0 && small(fit.worst) && fit.rms >= 0 && small(fit.rms);
}

/// A pool's window must see the map wherever it stands, and all windows together must be a map that fits.
bool sane_pool(const Window& w) {
  return sane(w) && w.height * w.width <= largest_pool_cells && w.pad_top < w.height && w.pad_bottom < w.height &&
         w.pad_left < w.width && w.pad_right < w.width;
}

bool positive(double v) {
  return std::isfinite(v) && v > 0;
}
bool can_be_shown(const std::string& text) {
  return text.size() <= longest_text && protocol::is_printable(text);
}

/// Widths that an evaluation in 64-bit integers can follow, which is every protocol's measure: no linear result and no
/// window sum within its range comes near their ends, whatever the algorithm spends.
Result<void> check_widths(const LayerSpec& layer, const std::string& where) {
  constexpr unsigned most_bits = 60;
  const std::string widths = "f " + std::to_string(layer.fraction_bits) + ", A " +
                             std::to_string(layer.activation_bits) + ", M " + std::to_string(layer.headroom_bits);
  for (const unsigned bits : {layer.fraction_bits, layer.activation_bits, layer.headroom_bits})
    if (bits > most_bits) return fail(where + " has widths out of bounds (" + widths + ")");
  if (layer.fraction_bits == 0 || layer.activation_bits == 0)
    return fail(where + " has widths out of bounds (" + widths + "): f and A are at least 1");
  double window = 1;
  for (const Window& pool : layer.average_pools) window *= static_cast<double>(pool.height * pool.width);
  const unsigned linear = layer.range_bits() + tensor::bits_spent(layer.algorithm);
  const double sums = layer.activation_bits + layer.headroom_bits + std::log2(window);
  if (linear > most_bits || sums > most_bits)
    return fail(where + " has widths out of bounds (" + widths + "): linear results and window sums of more than " +
                std::to_string(most_bits) + " bits are not supported");
  return {};
}

Result<void> check_layer(const Plan& plan, std::size_t i, const Shape& in) {
  const LayerSpec& layer = plan.network.layers[i];
  const std::string where = "the plan's layer " + std::to_string(i) + " " + in_quotes(layer.name);
  if (!can_be_shown(layer.name)) return fail(where + " has an impossible name");
  if (!sane(layer.conv.in) || !sane(layer.conv.window) || layer.conv.out_channels == 0 ||
      layer.conv.out_channels > largest_channels)
    return fail(where + " has an impossible shape");
  const bool flattened = layer.conv.in == Shape{1, 1, in.elements()};
  if (layer.conv.in != in && !flattened) return fail(where + " does not read what the layer before it makes");
  const Window& w = layer.conv.window;
  const std::size_t cells = w.height * w.width, per_cell = layer.conv.in.channels;
  if (cells > largest_elements / per_cell || cells * per_cell > largest_elements / layer.conv.out_channels ||
      !sane(layer.conv.out()))
    return fail(where + " is too large, or its window does not fit its map");
  if (static_cast<double>(layer.conv.out().elements()) * static_cast<double>(cells * per_cell) > most_work)
    return fail(where + " is more work than a party can do");
  if (layer.max_pools.size() > most_pools || layer.average_pools.size() > most_pools)
    return fail(where + " has too many pools");
  Shape s = layer.conv_out();
  for (const auto* pools : {&layer.max_pools, &layer.average_pools})
    for (const Window& pool : *pools) {
      if (!sane_pool(pool)) return fail(where + " has an impossible pool");
      s = {pool.out_height(s.height), pool.out_width(s.width), s.channels};
      if (!sane(s)) return fail(where + " has a pool that does not fit its map");
      if (static_cast<double>(s.elements()) * static_cast<double>(pool.height * pool.width) > most_work)
        return fail(where + " has a pool that is more work than a party can do");
    }
  if (layer.algorithm > tensor::ConvAlgorithm::winograd4 || !tensor::supports(layer.algorithm, layer.conv))
    return fail(where + " names an algorithm that cannot do its convolution");
  if (!sane(layer.relu_fit, layer.relu)) return fail(where + " has an impossible polynomial for ReLU");
  return check_widths(layer, where);
}

std::string in_short(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// Why an image cannot be encoded.
std::string outside_of_input(const Plan& plan, std::span<const float> image) {
  // A NaN is further outside than any number.
  float furthest = 0;
  for (const float v : image)
    if (std::isnan(v) || std::abs(v) > std::abs(furthest)) furthest = v;
  const double limit = std::ldexp(1.0, static_cast<int>(plan.network.input_bits) - 1);
  return "the image has a value outside the range that the plan was compiled for: " +
         in_short(static_cast<double>(furthest)) + ", and at most " + in_short((limit - 1) / plan.input_scale) +
         " is possible, above or below 0: is --preprocess right, or the array not preprocessed?";
}

}  // namespace

Result<void> check_plan(const Plan& plan) {
  const auto& network = plan.network;
  if (!can_be_shown(plan.model_name)) return fail("the plan's model name is impossible");
  if (network.layers.empty() || network.layers.size() > most_layers)
    return fail("the plan has " + std::to_string(network.layers.size()) + " layers; supported are 1 to " +
                std::to_string(most_layers));
  if (!sane(network.input)) return fail("the plan's input has an impossible shape");
  if (plan.worst_calibrated.size() != network.layers.size())
    return fail("the plan lacks the calibrated range of a layer");
  Shape in = network.input;
  std::size_t weight_bytes = 0;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    if (auto ok = check_layer(plan, i, in); !ok) return ok;
    const LayerSpec& layer = network.layers[i];
    weight_bytes += layer.conv.filter_elements() * sizeof(std::int32_t) + layer.bias_elements() * sizeof(std::int64_t);
    if (weight_bytes > largest_weights / 2)
      return fail("the plan's weights up to layer " + in_quotes(layer.name) + " have " + std::to_string(weight_bytes) +
                  " bytes; supported are " + std::to_string(largest_weights / 2));
    in = network.layers[i].out();
    if (!positive(plan.worst_calibrated[i]))
      return fail("the plan's layer " + in_quotes(network.layers[i].name) + " has an impossible range");
  }
  const LayerSpec& last = network.layers.back();
  if (last.relu || !last.max_pools.empty() || !last.average_pools.empty() || last.conv_out().height != 1 ||
      last.conv_out().width != 1)
    return fail("the plan's last layer " + in_quotes(last.name) + " must be linear with one number per class");
  const Preprocessing& p = plan.preprocessing;
  if (p.size != network.input || p.mean.size() != p.size.channels || p.deviation.size() != p.size.channels ||
      !positive(p.scale) || !std::all_of(p.mean.begin(), p.mean.end(), [](float v) { return std::isfinite(v); }) ||
      !std::all_of(p.deviation.begin(), p.deviation.end(), [](float v) { return positive(v); }))
    return fail("the plan's preprocessing does not fit its input");
  if (p.orientation > Orientation::exif) return fail("the plan's rule for EXIF orientations is unknown");
  if (!positive(plan.input_scale) || !positive(plan.output_scale) || !std::isfinite(plan.stated_error) ||
      plan.stated_error < 0)
    return fail("the plan's input scale, output scale or stated error is impossible");
  if (network.input_bits < 2 || network.input_bits > most_input_bits)
    return fail("the plan's input has " + std::to_string(network.input_bits) + " bits; supported are 2 to " +
                std::to_string(most_input_bits));
  const std::size_t outputs = last.conv.out_channels;
  if (auto ok = check_output(plan.output, outputs); !ok) return fail("the plan: " + ok.error().what);
  if (!(plan.threshold >= 0 && plan.threshold <= 1)) return fail("the plan's threshold is not from 0 to 1");
  if (plan.labels.empty()) return {};
  if (auto ok = check_labels(plan.labels, outputs); !ok) return fail("the plan: " + ok.error().what);
  return {};
}

Result<void> add_plan(FileSet& files, const Plan& plan, const std::filesystem::path& file) {
  return files.add(file, "plan", to_bytes(plan), public_mode);
}
Result<void> add_weights(FileSet& files, const Weights& weights, const std::filesystem::path& file) {
  return files.add(file, "weights", to_bytes(weights), secret_mode);
}

Result<Plan> load_plan(const std::filesystem::path& file) {
  auto bytes = read_file(file, "plan", largest_plan);
  if (!bytes) return fail(bytes.error().what);
  auto plan = plan_from_bytes(*bytes);
  if (!plan) return fail(in_quotes(file.string()) + ": " + plan.error().what);
  return plan;
}

Result<Weights> load_weights(const std::filesystem::path& file, const Plan& plan) {
  auto bytes = read_file(file, "weights", largest_weights);
  if (!bytes) return fail(bytes.error().what);
  auto weights = weights_from_bytes(*bytes, plan);
  if (!weights) return fail(in_quotes(file.string()) + ": " + weights.error().what);
  return weights;
}

Result<std::vector<std::int64_t>> encode_input(const Plan& plan, std::span<const float> image) {
  if (image.size() != plan.network.input.elements())
    return fail("the image has " + std::to_string(image.size()) + " values, the network reads " +
                std::to_string(plan.network.input.elements()));
  try {
    return tensor::encode(image, plan.input_scale, plan.network.input_bits);
  } catch (const std::range_error&) {
    return fail(outside_of_input(plan, image));
  }
}

std::vector<double> decode_output(const Plan& plan, std::span<const std::int64_t> output) {
  std::vector<double> logits;
  for (const std::int64_t v : output) logits.push_back(static_cast<double>(v) / plan.output_scale);
  return logits;
}

}  // namespace blindsight::model
