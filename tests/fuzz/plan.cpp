// Plans and weights, as a party and a client read them. A first byte of 0 (as Cap'n Proto's own files begin) is a file
// as it stands; any other chooses the fields of a plan that is written, read back and costed.
#include <fuzzer/FuzzedDataProvider.h>

#include <cmath>
#include <vector>

#include "model/plan/plan.h"
#include "tests/fuzz/property.h"
#include "tests/fuzz/use_plan.h"

namespace blindsight::fuzz {
namespace {

using model::Plan;
using model::Weights;
using tensor::Shape;
using tensor::Window;

/// A number that is `good`, or now and then anything.
template <class T>
T maybe(FuzzedDataProvider& from, T good) {
  const auto way = from.ConsumeIntegral<std::uint8_t>();
  if (way < 240) return good;
  if constexpr (std::is_floating_point_v<T>)
    return way < 248 ? from.ConsumeFloatingPoint<T>()
                     : static_cast<T>(from.PickValueInArray({0.0, -1.0, 1e300, 1e-320, HUGE_VAL, std::nan("")}));
  else
    return way < 248 ? static_cast<T>(from.PickValueInArray(edges)) : from.ConsumeIntegral<T>();
}

std::size_t size(FuzzedDataProvider& from, std::size_t most) {
  return maybe<std::size_t>(from, from.ConsumeIntegralInRange<std::size_t>(1, most));
}

Window window(FuzzedDataProvider& from, const Shape& map) {
  Window w;
  w.height = size(from, std::min<std::size_t>(4, map.height));
  w.width = size(from, std::min<std::size_t>(4, map.width));
  w.stride_y = size(from, 3);
  w.stride_x = size(from, 3);
  for (auto* pad : {&w.pad_top, &w.pad_left, &w.pad_bottom, &w.pad_right})
    *pad = maybe<std::size_t>(from, from.ConsumeBool() ? 1 : 0);
  return w;
}

Shape positive(Shape s) {
  return {std::max<std::size_t>(1, s.height), std::max<std::size_t>(1, s.width), std::max<std::size_t>(1, s.channels)};
}

/// The window's map with no size 0: what later fields are made from. A stride of 0, which the plan keeps, counts as 1
/// here.
Shape after(const Shape& s, Window w) {
  w.stride_y = std::max<std::size_t>(1, w.stride_y);
  w.stride_x = std::max<std::size_t>(1, w.stride_x);
  return positive({w.out_height(s.height), w.out_width(s.width), s.channels});
}

std::string name(FuzzedDataProvider& from) {
  return from.ConsumeIntegral<std::uint8_t>() < 250 ? "layer" : from.ConsumeRandomLengthString(300);
}

/// A layer over `in`, which becomes its result.
protocol::LayerSpec layer(FuzzedDataProvider& from, Shape& in, bool last) {
  protocol::LayerSpec spec;
  spec.name = name(from);
  const bool connected = last || from.ConsumeBool();
  spec.conv.in = connected ? Shape{1, 1, maybe(from, in.elements())} : in;
  spec.conv.out_channels = size(from, 40);
  if (!connected) spec.conv.window = window(from, in);
  spec.algorithm = static_cast<tensor::ConvAlgorithm>(from.ConsumeIntegralInRange(0, 2));
  if (!from.ConsumeBool() && !tensor::supports(spec.algorithm, spec.conv))
    spec.algorithm = tensor::ConvAlgorithm::direct;
  spec.fraction_bits = maybe(from, from.ConsumeIntegralInRange(1U, 14U));
  spec.activation_bits = maybe(from, from.ConsumeIntegralInRange(1U, 12U));
  spec.headroom_bits = maybe(from, from.ConsumeIntegralInRange(0U, 2U));
  in = after(positive(spec.conv.in), spec.conv.window);
  in.channels = std::max<std::size_t>(1, spec.conv.out_channels);
  if (last) return spec;
  spec.relu = from.ConsumeBool();
  if (spec.relu && from.ConsumeBool()) {
    for (unsigned i = 0, n = from.ConsumeIntegralInRange(2U, 5U); i < n; ++i)
      spec.relu_fit.even.push_back(maybe(from, 0.1));
    spec.relu_fit.worst = maybe(from, 0.05);
    spec.relu_fit.rms = maybe(from, 0.01);
  }
  for (auto* pools : {&spec.max_pools, &spec.average_pools})
    for (unsigned i = 0, n = from.ConsumeIntegralInRange(0U, 2U); i < n; ++i) {
      pools->push_back(window(from, in));
      in = after(in, pools->back());
    }
  return spec;
}

Plan plan(FuzzedDataProvider& from) {
  Plan plan;
  plan.model_name = name(from);
  plan.network.input = {size(from, 40), size(from, 40), from.ConsumeBool() ? 3U : size(from, 40)};
  Shape in = positive(plan.network.input);
  for (unsigned i = 0, n = from.ConsumeIntegralInRange(1U, 5U); i < n; ++i) {
    plan.network.layers.push_back(layer(from, in, i + 1 == n));
    plan.worst_calibrated.push_back(maybe(from, 0.5));
  }
  // As many means as channels, but never memory that the input alone would not ask for.
  const std::size_t channels = std::min<std::size_t>(plan.network.input.channels, 4096);
  plan.preprocessing = {plan.network.input, maybe(from, 1.0F), std::vector<float>(channels, maybe(from, 0.5F)),
                        std::vector<float>(channels, maybe(from, 0.25F))};
  plan.input_scale = maybe(from, 8.0);
  plan.network.input_bits = maybe(from, 12U);
  plan.output_scale = maybe(from, 100.0);
  plan.stated_error = maybe(from, 0.01);
  if (from.ConsumeBool()) {
    const std::size_t outputs = std::min<std::size_t>(100, plan.network.layers.back().conv.out_channels);
    for (std::size_t i = 0; i < outputs; ++i) plan.labels.push_back(name(from) + std::to_string(i));
  }
  plan.calibration_images = maybe(from, std::uint32_t{48});
  return plan;
}

/// Weights of the plan's shape, small ones.
Weights weights(const Plan& plan, FuzzedDataProvider& from) {
  Weights all;
  for (auto& byte : all.nonce) byte = from.ConsumeIntegral<std::uint8_t>();
  for (const auto& layer : plan.network.layers) {
    protocol::LayerWeights one;
    one.filter.assign(layer.conv.filter_elements(), from.ConsumeIntegral<std::int32_t>());
    one.bias.assign(layer.conv.out_channels, from.ConsumeIntegral<std::int64_t>());
    all.layers.push_back(std::move(one));
  }
  return all;
}

std::uint64_t weight_elements(const Plan& plan) {
  std::uint64_t sum = 0;
  for (const auto& layer : plan.network.layers) sum += layer.conv.filter_elements() + layer.conv.out_channels;
  return sum;
}

void read_weights(const Plan& plan, std::span<const std::uint8_t> bytes) {
  if (auto read = model::weights_from_bytes(bytes, plan); !read) refusal_is_readable(read.error().what);
}

void from_file(std::span<const std::uint8_t> bytes) {
  auto read = model::plan_from_bytes(bytes);
  if (!read) return refusal_is_readable(read.error().what);
  use_plan(*read);
  read_weights(*read, bytes);
}

void from_fields(FuzzedDataProvider& from) {
  Plan made = plan(from);
  if (auto ok = model::check_plan(made); !ok) {
    refusal_is_readable(ok.error().what);
    // What is refused in memory is refused from a file as well.
    auto read = model::plan_from_bytes(model::to_bytes(made));
    if (!read) return refusal_is_readable(read.error().what);
    return use_plan(*read);  // a number that the format keeps in fewer bits
  }
  constexpr std::uint64_t few = 1 << 16;
  if (weight_elements(made) <= few) {
    const Weights secret = weights(made, from);
    made.weights_commitment = model::commitment(secret);
    auto bytes = model::to_bytes(secret);
    const auto read = model::weights_from_bytes(bytes, made);
    property(read.has_value(), "weights survive writing and reading", read ? "" : read.error().what);
    if (!bytes.empty())
      bytes[from.ConsumeIntegralInRange<std::size_t>(0, bytes.size() - 1)] ^= from.ConsumeIntegral<std::uint8_t>();
    read_weights(made, bytes);
  }
  use_plan(made);
  const auto bytes = model::to_bytes(made);
  property(model::plan_from_bytes(bytes).has_value(), "a plan that is right is read");
}

}  // namespace
}  // namespace blindsight::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindsight::fuzz;
  if (size == 0) return 0;
  if (data[0] == 0) {
    from_file({data, size});
  } else {
    FuzzedDataProvider from(data + 1, size - 1);
    from_fields(from);
  }
  return 0;
}

/// Now and then a plan that is right takes the place of a file: seeds that follow the format.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  using namespace blindsight;
  fuzz::Random random(seed);
  random.discard(1);
  if (random() % 50 == 0) {
    std::vector<std::uint8_t> choices(400);
    for (auto& c : choices) c = static_cast<std::uint8_t>(random() % 240);
    FuzzedDataProvider from(choices.data(), choices.size());
    const auto bytes = model::to_bytes(fuzz::plan(from));
    if (bytes.size() <= most) return fuzz::put(bytes, data, most);
  }
  return LLVMFuzzerMutate(data, size, most);
}
