// What one image costs in the clear: a network in float32 with oneDNN, which chooses algorithms and layouts itself.
// The yardstick for the ratios of `scripts/bench e2e`.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dnnl.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/onnx/import.h"
#include "model/plaintext/float_oracle.h"

namespace blindsight::model {
namespace {

using dnnl::memory;
using tensor::Shape;
using tensor::Window;
using dim = memory::dim;
using Clock = std::chrono::steady_clock;

/// Largest difference from the oracle, as a part of the largest logit: float32 sums in another order, no more.
constexpr double tolerance = 1e-3;

dim as_dim(std::size_t n) {
  return static_cast<dim>(n);
}

memory::dims map_dims(const Shape& s) {
  return {1, as_dim(s.channels), as_dim(s.height), as_dim(s.width)};
}

memory::desc chosen_by_library(const memory::dims& dims) {
  return {dims, memory::data_type::f32, memory::format_tag::any};
}

/// The network's primitives, ready to run: weights are in the library's layouts already.
class Prepared {
 public:
  Prepared(const FloatNetwork& network, dnnl::algorithm convolution) : convolution_(convolution) {
    input_ = memory({map_dims(network.input), memory::data_type::f32, memory::format_tag::nhwc}, engine_);
    current_ = input_;
    shape_ = network.input;
    for (const auto& layer : network.layers) {
      if (layer.conv.in == shape_)
        add_convolution(layer);
      else if (layer.conv.in == Shape{1, 1, shape_.elements()})
        add_fully_connected(layer);
      else
        throw std::runtime_error("layer " + layer.name + " does not read what the layer before it gives");
      shape_ = layer.conv.out();
      // ReLU is fused into the linear part: it commutes with the maximum.
      for (const auto& pool : layer.max_pools) add_pool(pool, dnnl::algorithm::pooling_max);
      for (const auto& pool : layer.average_pools) add_pool(pool, dnnl::algorithm::pooling_avg_include_padding);
    }
    output_ = memory({map_dims(shape_), memory::data_type::f32, memory::format_tag::nhwc}, engine_);
    reorder_to(output_.get_desc(), output_);
  }

  /// `image` in row, column, channel order; the outputs likewise.
  std::vector<float> run(const std::vector<float>& image) {
    std::memcpy(input_.get_data_handle(), image.data(), image.size() * sizeof(float));
    for (auto& [primitive, arguments] : calls_) primitive.execute(stream_, arguments);
    stream_.wait();
    const auto* first = static_cast<const float*>(output_.get_data_handle());
    return {first, first + shape_.elements()};
  }

 private:
  struct Call {
    dnnl::primitive primitive;
    std::unordered_map<int, memory> arguments;
  };

  static dnnl::primitive_attr attributes(const FloatLayer& layer) {
    dnnl::primitive_attr attr;
    if (layer.relu) {
      dnnl::post_ops after;
      after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
      attr.set_post_ops(after);
    }
    return attr;
  }

  /// `from` in the layout `wanted`, now, once.
  memory converted(memory from, const memory::desc& wanted) {
    memory to(wanted, engine_);
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
    return to;
  }

  /// Our filters are row, column, in channel, out channel.
  memory filter(const FloatLayer& layer, const memory::dims& dims, const memory::desc& wanted) {
    const memory from({dims, memory::data_type::f32, memory::format_tag::hwio}, engine_);
    std::memcpy(from.get_data_handle(), layer.filter.data(), layer.filter.size() * sizeof(float));
    return converted(from, wanted);
  }

  memory bias(const FloatLayer& layer) {
    if (layer.bias_per_position()) throw std::runtime_error("oneDNN has no bias for each position");
    memory b({{as_dim(layer.bias.size())}, memory::data_type::f32, memory::format_tag::a}, engine_);
    std::memcpy(b.get_data_handle(), layer.bias.data(), layer.bias.size() * sizeof(float));
    return b;
  }

  /// At every run: the current map in the layout `wanted`, if it has another.
  void reorder_to(const memory::desc& wanted, memory to = {}) {
    if (!to && current_.get_desc() == wanted) return;
    if (!to) to = memory(wanted, engine_);
    calls_.push_back({dnnl::reorder(current_, to), {{DNNL_ARG_FROM, current_}, {DNNL_ARG_TO, to}}});
    current_ = to;
  }

  void add_linear(const dnnl::primitive& primitive, const memory& weights, const FloatLayer& layer,
                  const memory::desc& out) {
    memory to(out, engine_);
    calls_.push_back(
        {primitive,
         {{DNNL_ARG_SRC, current_}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_BIAS, bias(layer)}, {DNNL_ARG_DST, to}}});
    current_ = to;
  }

  void add_convolution(const FloatLayer& layer) {
    const auto& w = layer.conv.window;
    const memory::dims dims = {as_dim(layer.conv.out_channels), as_dim(shape_.channels), as_dim(w.height),
                               as_dim(w.width)};
    const dnnl::convolution_forward::primitive_desc chosen({dnnl::prop_kind::forward_inference,
                                                            convolution_,
                                                            chosen_by_library(map_dims(shape_)),
                                                            chosen_by_library(dims),
                                                            chosen_by_library({as_dim(layer.conv.out_channels)}),
                                                            chosen_by_library(map_dims(layer.conv.out())),
                                                            {as_dim(w.stride_y), as_dim(w.stride_x)},
                                                            {as_dim(w.pad_top), as_dim(w.pad_left)},
                                                            {as_dim(w.pad_bottom), as_dim(w.pad_right)}},
                                                           attributes(layer), engine_);
    reorder_to(chosen.src_desc());
    add_linear(dnnl::convolution_forward(chosen), filter(layer, dims, chosen.weights_desc()), layer, chosen.dst_desc());
  }

  void add_fully_connected(const FloatLayer& layer) {
    const memory::dims dims = {as_dim(layer.conv.out_channels), as_dim(shape_.channels), as_dim(shape_.height),
                               as_dim(shape_.width)};
    const dnnl::inner_product_forward::primitive_desc chosen(
        {dnnl::prop_kind::forward_inference, chosen_by_library(map_dims(shape_)), chosen_by_library(dims),
         chosen_by_library({dims[0]}), chosen_by_library({1, dims[0]})},
        attributes(layer), engine_);
    reorder_to(chosen.src_desc());
    add_linear(dnnl::inner_product_forward(chosen), filter(layer, dims, chosen.weights_desc()), layer,
               chosen.dst_desc());
    current_ = memory({{1, dims[0], 1, 1}, memory::data_type::f32, memory::format_tag::nhwc}, engine_,
                      current_.get_data_handle());
    flattened_.push_back(calls_.back().arguments.at(DNNL_ARG_DST));
  }

  void add_pool(const Window& w, dnnl::algorithm kind) {
    const Shape out{w.out_height(shape_.height), w.out_width(shape_.width), shape_.channels};
    const dnnl::pooling_forward::primitive_desc chosen({dnnl::prop_kind::forward_inference,
                                                        kind,
                                                        current_.get_desc(),
                                                        chosen_by_library(map_dims(out)),
                                                        {as_dim(w.stride_y), as_dim(w.stride_x)},
                                                        {as_dim(w.height), as_dim(w.width)},
                                                        {as_dim(w.pad_top), as_dim(w.pad_left)},
                                                        {as_dim(w.pad_bottom), as_dim(w.pad_right)}},
                                                       engine_);
    memory to(chosen.dst_desc(), engine_);
    calls_.push_back({dnnl::pooling_forward(chosen), {{DNNL_ARG_SRC, current_}, {DNNL_ARG_DST, to}}});
    current_ = to;
    shape_ = out;
  }

  dnnl::algorithm convolution_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  memory input_, current_, output_;
  Shape shape_;
  std::vector<Call> calls_;
  std::vector<memory> flattened_;  ///< own the storage that a view of another shape reads
};

struct Times {
  const char* algorithm;
  std::vector<double> seconds;  ///< sorted

  double at(double part) const {
    return seconds[static_cast<std::size_t>(part * static_cast<double>(seconds.size() - 1) + 0.5)];
  }
  double median() const { return at(0.5); }
};

int run(const char* file, int runs) {
  const auto network = import_onnx(file);
  if (!network) {
    std::fprintf(stderr, "bench_plaintext: %s\n", network.error().what.c_str());
    return 2;
  }
  std::mt19937 random(1);
  std::uniform_real_distribution<float> pixel(-1, 1);
  std::vector<float> image(network->input.elements());
  for (auto& value : image) value = pixel(random);
  const auto expected = run_float(*network, image);
  double largest = 1e-6;
  for (const float logit : expected) largest = std::max(largest, std::abs(static_cast<double>(logit)));

  const struct {
    const char* name;
    dnnl::algorithm kind;
  } algorithms[] = {{"direct", dnnl::algorithm::convolution_direct}, {"auto", dnnl::algorithm::convolution_auto}};
  std::vector<Times> all;
  double difference = 0;
  for (const auto& algorithm : algorithms) {
    Prepared prepared(*network, algorithm.kind);
    const auto logits = prepared.run(image);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double off = std::abs(static_cast<double>(logits[i]) - static_cast<double>(expected[i])) / largest;
      // Not a number must fail too.
      if (!(off <= tolerance))
        throw std::runtime_error("oneDNN's logit " + std::to_string(i) + " is " + std::to_string(logits[i]) +
                                 ", the float oracle's " + std::to_string(expected[i]));
      difference = std::max(difference, off);
    }
    Times times{algorithm.name, {}};
    prepared.run(image);
    for (int i = 0; i < runs; ++i) {
      const auto start = Clock::now();
      prepared.run(image);
      times.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    }
    std::ranges::sort(times.seconds);
    all.push_back(std::move(times));
  }
  const auto version = dnnl::version();
  std::printf("%s, float32, oneDNN %d.%d.%d, %d runs after 2; logits within %.1e of the oracle's\n",
              network->name.c_str(), version->major, version->minor, version->patch, runs, difference);
  std::printf("%-22s %10s %10s %10s\n", "convolutions", "fastest", "median", "p95");
  for (const auto& t : all)
    std::printf("%-22s %7.2f ms %7.2f ms %7.2f ms\n", t.algorithm, t.at(0) * 1e3, t.median() * 1e3, t.at(0.95) * 1e3);
  const auto& best = *std::ranges::min_element(all, {}, &Times::median);
  std::printf(
      "{\"benchmark\":\"plaintext\",\"onednn\":\"%d.%d.%d\",\"algorithm\":\"%s\",\"runs\":%d,\"plaintext_s\":%.6f,"
      "\"fastest_s\":%.6f,\"p95_s\":%.6f,\"max_relative_difference\":%.3g}\n",
      version->major, version->minor, version->patch, best.algorithm, runs, best.median(), best.at(0), best.at(0.95),
      difference);
  return 0;
}

}  // namespace
}  // namespace blindsight::model

int main(int argc, char** argv) {
  const char* const usage =
      "usage: bench_plaintext MODEL.onnx [--runs N]\n\n"
      "Time of one image in the clear, float32, with oneDNN on all cores (OMP_NUM_THREADS: on fewer). Checks the "
      "logits\n"
      "against this repository's float oracle first, then times; the better of oneDNN's direct and automatic choice\n"
      "of convolutions counts.\n";
  const char* file = nullptr;
  int runs = 20;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--help") == 0 || std::strcmp(argv[i], "-h") == 0) {
      std::fputs(usage, stdout);
      return 0;
    }
    if (std::strcmp(argv[i], "--runs") == 0 && i + 1 < argc && std::atoi(argv[i + 1]) > 0)
      runs = std::atoi(argv[++i]);
    else if (argv[i][0] != '-' && file == nullptr)
      file = argv[i];
    else {
      std::fputs(usage, stderr);
      return 2;
    }
  }
  if (file == nullptr) {
    std::fputs(usage, stderr);
    return 2;
  }
  try {
    return blindsight::model::run(file, runs);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_plaintext: %s\n", error.what());
    return 1;
  }
}
