#include <capnp/message.h>
#include <capnp/serialize.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "model/fault.h"
#include "model/plan/plan.h"
#include "model/plan/sizes.h"
#include "plan.capnp.h"
#include "protocol/core/text.h"
#include "protocol/prg/prg.h"

namespace blindsight::model {

using protocol::in_quotes;
using protocol::Result;

namespace {

constexpr std::uint32_t format_version = 3, oldest_plan_version = 2;

std::uint32_t narrow(std::size_t v) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(v, std::numeric_limits<std::uint32_t>::max()));
}

void write(schema::Shape::Builder to, const tensor::Shape& s) {
  to.setHeight(narrow(s.height));
  to.setWidth(narrow(s.width));
  to.setChannels(narrow(s.channels));
}

tensor::Shape read(schema::Shape::Reader from) {
  return {from.getHeight(), from.getWidth(), from.getChannels()};
}

void write(schema::Window::Builder to, const tensor::Window& w) {
  to.setHeight(narrow(w.height));
  to.setWidth(narrow(w.width));
  to.setStrideY(narrow(w.stride_y));
  to.setStrideX(narrow(w.stride_x));
  to.setPadTop(narrow(w.pad_top));
  to.setPadLeft(narrow(w.pad_left));
  to.setPadBottom(narrow(w.pad_bottom));
  to.setPadRight(narrow(w.pad_right));
}

tensor::Window read(schema::Window::Reader from) {
  return {from.getHeight(), from.getWidth(),   from.getStrideY(),   from.getStrideX(),
          from.getPadTop(), from.getPadLeft(), from.getPadBottom(), from.getPadRight()};
}

/// False when the length is another.
template <std::size_t size>
bool read(capnp::Data::Reader from, std::array<std::uint8_t, size>& to) {
  if (from.size() != size) return false;
  std::memcpy(to.data(), from.begin(), size);
  return true;
}

template <class List>
void write_numbers(List to, const auto& values) {
  for (unsigned i = 0; i < values.size(); ++i) to.set(i, values[i]);
}

template <class List>
void write_windows(List to, const std::vector<tensor::Window>& windows) {
  for (unsigned i = 0; i < windows.size(); ++i) write(to[i], windows[i]);
}

template <class List>
std::vector<tensor::Window> read_windows(List from) {
  std::vector<tensor::Window> windows;
  for (const auto w : from) windows.push_back(read(w));
  return windows;
}

void write(schema::Layer::Builder to, const protocol::LayerSpec& layer, double worst_calibrated) {
  to.setName(layer.name);
  write(to.initIn(), layer.conv.in);
  to.setOutChannels(narrow(layer.conv.out_channels));
  write(to.initKernel(), layer.conv.window);
  to.setAlgorithm(static_cast<schema::Algorithm>(layer.algorithm));
  write_windows(to.initMaxPools(static_cast<unsigned>(layer.max_pools.size())), layer.max_pools);
  to.setRelu(layer.relu);
  write_windows(to.initAveragePools(static_cast<unsigned>(layer.average_pools.size())), layer.average_pools);
  to.setFractionBits(static_cast<std::uint8_t>(layer.fraction_bits));
  to.setActivationBits(static_cast<std::uint8_t>(layer.activation_bits));
  to.setHeadroomBits(static_cast<std::uint8_t>(layer.headroom_bits));
  to.setWorst(worst_calibrated);
  const protocol::ReluFit& fit = layer.relu_fit;
  if (!fit.even.empty()) write_numbers(to.initReluEven(static_cast<unsigned>(fit.even.size())), fit.even);
  to.setReluWorst(fit.worst);
  to.setReluRms(fit.rms);
  to.setBiasPerPosition(layer.bias_per_position);
}

void read(schema::Layer::Reader from, Plan& plan) {
  protocol::LayerSpec layer;
  layer.name = from.getName();
  layer.conv = {read(from.getIn()), from.getOutChannels(), read(from.getKernel())};
  layer.algorithm = static_cast<tensor::ConvAlgorithm>(from.getAlgorithm());
  layer.max_pools = read_windows(from.getMaxPools());
  layer.relu = from.getRelu();
  layer.average_pools = read_windows(from.getAveragePools());
  layer.fraction_bits = from.getFractionBits();
  layer.activation_bits = from.getActivationBits();
  layer.headroom_bits = from.getHeadroomBits();
  for (const double c : from.getReluEven()) layer.relu_fit.even.push_back(c);
  layer.bias_per_position = from.getBiasPerPosition();
  layer.relu_fit.worst = from.getReluWorst();
  layer.relu_fit.rms = from.getReluRms();
  plan.network.layers.push_back(std::move(layer));
  plan.worst_calibrated.push_back(from.getWorst());
}

std::vector<std::uint8_t> bytes_of(kj::ArrayPtr<const capnp::word> words) {
  const auto bytes = words.asBytes();
  return {bytes.begin(), bytes.end()};
}

/// Runs `use(root)` on a message; whatever Cap'n Proto finds wrong with the bytes is an error that names `what`.
template <class Root, class Use>
Result<void> with_message(std::span<const std::uint8_t> bytes, std::size_t most, const std::string& what, Use&& use) {
  if (bytes.size() > most)
    return fail("the " + what + " has " + std::to_string(bytes.size()) + " bytes; at most " + std::to_string(most) +
                " are supported");
  try {
    auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
    if (!bytes.empty()) std::memcpy(words.begin(), bytes.data(), words.asBytes().size());
    capnp::ReaderOptions options;
    // Every word is read once, and pointers that overlap to make much of little are refused.
    options.traversalLimitInWords = 2 * words.size() + 1024;
    options.nestingLimit = 16;
    capnp::FlatArrayMessageReader message(words, options);
    return use(message.getRoot<Root>());
  } catch (const kj::Exception&) {
    return fail("the " + what + " is damaged or cut short: compile the model again");
  }
}

/// BLAKE2b-256, without a key where there is none.
Digest blake2b(std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> key = {}) {
  Digest out;
  crypto_generichash(out.data(), out.size(), bytes.data(), bytes.size(), key.data(), key.size());
  return out;
}

Result<void> check_plan_version(std::uint32_t version) {
  if (version >= oldest_plan_version && version <= format_version) return {};
  return fail("the plan has the format's version " + std::to_string(version) + ", this program reads versions " +
              std::to_string(oldest_plan_version) + " and " + std::to_string(format_version) +
              (version > format_version ? ": install the release that the plan was compiled with, or a later one"
                                        : ": compile the model again"));
}

Result<void> check_weights_version(std::uint32_t version) {
  if (version == format_version) return {};
  const std::string has = "the weights have the format's version " + std::to_string(version) +
                          ", this program reads version " + std::to_string(format_version);
  if (version > format_version)
    return fail(has + ": install the release that the model was compiled with, or a later one");
  return fail(has +
              ": the plan beside them tells everybody a hash by which they can be guessed. Make both again: blindsight "
              "model compile MODEL.onnx --calibration IMAGES -o NAME.plan");
}

/// What a plan may require of its reader; see Plan.requires in the schema.
constexpr std::string_view bias_per_position_feature = "bias-per-position";
constexpr std::array known_features = {bias_per_position_feature};
/// Of one that a later release may write.
constexpr std::size_t most_features = 64;

std::vector<std::string_view> features_of(const protocol::NetworkSpec& network) {
  std::vector<std::string_view> features;
  if (std::ranges::any_of(network.layers, &protocol::LayerSpec::bias_per_position))
    features.push_back(bias_per_position_feature);
  return features;
}

Result<void> check_features(capnp::List<capnp::Text>::Reader required) {
  if (required.size() > most_features)
    return fail("the plan requires more than " + std::to_string(most_features) + " features of its reader");
  for (const capnp::Text::Reader feature : required)
    if (std::ranges::find(known_features, std::string_view(feature.begin(), feature.size())) == known_features.end())
      return fail("the plan requires " + protocol::in_quotes(std::string_view(feature.begin(), feature.size())) +
                  ", which this release does not know: install the release that the plan was compiled with, or a later "
                  "one, at all three parties and clients");
  return {};
}

template <class T>
std::span<const std::uint8_t> raw(const std::vector<T>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

std::vector<std::uint8_t> to_bytes(const Plan& plan) {
  capnp::MallocMessageBuilder message;
  auto to = message.initRoot<schema::Plan>();
  to.setVersion(format_version);
  to.setModelName(plan.model_name);
  to.setWeightsCommitment(kj::arrayPtr(plan.weights_commitment.data(), plan.weights_commitment.size()));
  write(to.initInput(), plan.network.input);
  auto layers = to.initLayers(static_cast<unsigned>(plan.network.layers.size()));
  for (unsigned i = 0; i < layers.size(); ++i)
    write(layers[i], plan.network.layers[i], i < plan.worst_calibrated.size() ? plan.worst_calibrated[i] : 0);
  const Preprocessing& p = plan.preprocessing;
  to.setPixelScale(p.scale);
  write_numbers(to.initMean(static_cast<unsigned>(p.mean.size())), p.mean);
  write_numbers(to.initDeviation(static_cast<unsigned>(p.deviation.size())), p.deviation);
  to.setInputScale(plan.input_scale);
  to.setInputBits(static_cast<std::uint8_t>(plan.network.input_bits));
  to.setOutputScale(plan.output_scale);
  to.setStatedError(plan.stated_error);
  to.setOutput(static_cast<schema::OutputKind>(plan.output));
  to.setThreshold(plan.threshold);
  auto labels = to.initLabels(static_cast<unsigned>(plan.labels.size()));
  for (unsigned i = 0; i < labels.size(); ++i) labels.set(i, plan.labels[i]);
  to.setCalibrationImages(plan.calibration_images);
  to.setOrientation(static_cast<schema::Orientation>(p.orientation));
  // Left out when it is empty: then the bytes are those of a plan from before there were any.
  if (const auto features = features_of(plan.network); !features.empty()) {
    auto required = to.initRequires(static_cast<unsigned>(features.size()));
    for (unsigned i = 0; i < features.size(); ++i) required.set(i, std::string(features[i]));
  }
  // Canonical form: one segment, objects in a fixed order, so that equal plans have equal bytes and digests.
  const auto canonical = capnp::canonicalize(to.asReader());
  kj::ArrayPtr<const capnp::word> segment = canonical;
  return bytes_of(capnp::messageToFlatArray(kj::arrayPtr(&segment, 1)));
}

Result<Plan> plan_from_bytes(std::span<const std::uint8_t> bytes) {
  Plan plan;
  auto use = [&](schema::Plan::Reader from) -> Result<void> {
    if (auto version = check_plan_version(from.getVersion()); !version) return version;
    if (auto known = check_features(from.getRequires()); !known) return known;
    if (!read(from.getWeightsCommitment(), plan.weights_commitment))
      return fail("the plan is damaged: the commitment to its weights has another length");
    plan.model_name = from.getModelName();
    plan.network.input = read(from.getInput());
    if (from.getLayers().size() > most_layers)
      return fail("the plan has more than " + std::to_string(most_layers) + " layers");
    for (const auto layer : from.getLayers()) read(layer, plan);
    plan.preprocessing.size = plan.network.input;
    plan.preprocessing.scale = from.getPixelScale();
    for (const float v : from.getMean()) plan.preprocessing.mean.push_back(v);
    for (const float v : from.getDeviation()) plan.preprocessing.deviation.push_back(v);
    plan.input_scale = from.getInputScale();
    plan.network.input_bits = from.getInputBits();
    plan.output_scale = from.getOutputScale();
    plan.stated_error = from.getStatedError();
    plan.output = static_cast<OutputKind>(from.getOutput());
    plan.threshold = from.getThreshold();
    for (const auto label : from.getLabels()) plan.labels.emplace_back(label);
    plan.calibration_images = from.getCalibrationImages();
    plan.preprocessing.orientation = static_cast<Orientation>(from.getOrientation());
    if (from.getRequires().size() != features_of(plan.network).size())
      return fail("the plan is damaged: it does not require what its layers need");
    return {};
  };
  if (auto ok = with_message<schema::Plan>(bytes, largest_plan, "plan", use); !ok) return fail(ok.error().what);
  if (auto ok = check_plan(plan); !ok) return fail(ok.error().what);
  return plan;
}

std::vector<std::uint8_t> to_bytes(const Weights& weights) {
  capnp::MallocMessageBuilder message;
  auto to = message.initRoot<schema::Weights>();
  to.setVersion(format_version);
  to.setNonce(kj::arrayPtr(weights.nonce.data(), weights.nonce.size()));
  auto layers = to.initLayers(static_cast<unsigned>(weights.layers.size()));
  for (unsigned i = 0; i < layers.size(); ++i) {
    write_numbers(layers[i].initFilter(static_cast<unsigned>(weights.layers[i].filter.size())),
                  weights.layers[i].filter);
    layers[i].setScale(i < weights.scales.size() ? weights.scales[i] : 1);
    write_numbers(layers[i].initBias(static_cast<unsigned>(weights.layers[i].bias.size())), weights.layers[i].bias);
  }
  return bytes_of(capnp::messageToFlatArray(message));
}

Result<Weights> weights_from_bytes(std::span<const std::uint8_t> bytes, const Plan& plan) {
  Weights weights;
  auto use = [&](schema::Weights::Reader from) -> Result<void> {
    if (auto version = check_weights_version(from.getVersion()); !version) return version;
    if (!read(from.getNonce(), weights.nonce)) return fail("the weights are damaged: their nonce has another length");
    const auto layers = from.getLayers();
    if (layers.size() != plan.network.layers.size())
      return fail("the weights have " + std::to_string(layers.size()) + " layers, the plan has " +
                  std::to_string(plan.network.layers.size()) + ": they belong to another model");
    for (unsigned i = 0; i < layers.size(); ++i) {
      const auto& layer = plan.network.layers[i];
      const auto filter = layers[i].getFilter();
      const auto bias = layers[i].getBias();
      if (filter.size() != layer.conv.filter_elements() || bias.size() != layer.bias_elements())
        return fail("the weights of layer " + in_quotes(layer.name) +
                    " have another shape than the plan's: they belong to another model");
      protocol::LayerWeights out;
      out.filter.reserve(filter.size());
      for (const std::int32_t v : filter) out.filter.push_back(v);
      for (const std::int64_t v : bias) out.bias.push_back(v);
      weights.layers.push_back(std::move(out));
      const double scale = layers[i].getScale();
      if (!std::isfinite(scale) || scale <= 0)
        return fail("the weights of layer " + in_quotes(layer.name) + " have an impossible scale");
      weights.scales.push_back(scale);
    }
    return {};
  };
  if (auto ok = with_message<schema::Weights>(bytes, largest_weights, "weights file", use); !ok)
    return fail(ok.error().what);
  if (commitment(weights) != plan.weights_commitment)
    return fail("the weights are not those that the plan of " + in_quotes(plan.model_name) +
                " was compiled with: compile or copy both together");
  return weights;
}

Digest digest(const Plan& plan) {
  const auto bytes = to_bytes(plan);
  return blake2b(bytes);
}

Digest commitment(const Weights& weights) {
  // Digests of the parts, so that no value can move from one layer to the next without a change.
  std::vector<std::uint8_t> all;
  for (const auto& layer : weights.layers) {
    const Digest filter = blake2b(raw(layer.filter)), bias = blake2b(raw(layer.bias));
    all.insert(all.end(), filter.begin(), filter.end());
    all.insert(all.end(), bias.begin(), bias.end());
  }
  return blake2b(all, weights.nonce);
}

Nonce fresh_nonce() {
  Nonce nonce;
  protocol::random_bytes(nonce);
  return nonce;
}

}  // namespace blindsight::model
