#include "model/prune/prune.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "model/plaintext/float_oracle.h"
#include "tests/model/support/imports.h"
#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

/// Two convolutions with batch normalization, both kinds of pools, a hidden and a last fully connected layer. Channels
/// whose filters are small are known: `weak_one` and `weak_two`.
const std::vector<std::size_t> weak_one = {1, 4}, weak_two = {0, 2, 5};

FloatNetwork known_weak() {
  OnnxBuilder b({1, 2, 12, 10});
  auto conv = [&](const std::string& name, std::int64_t in, std::int64_t out, const std::vector<std::size_t>& weak,
                  unsigned seed) {
    auto filter = noise(static_cast<std::size_t>(out * in * 9), seed);
    b.reals(name + ".w", {out, in, 3, 3}, filter);
    b.reals(name + ".b", {out}, noise(static_cast<std::size_t>(out), seed + 1));
    set(b.node("Conv", name, {name + ".w", name + ".b"}), "pads", Dims{1, 1, 1, 1});
    // The normalization makes channels weak, not the filters themselves.
    std::vector<float> scale(static_cast<std::size_t>(out), 1);
    for (const auto c : weak) scale[c] = -0.01F * static_cast<float>(c + 1);
    b.reals(name + ".scale", {out}, scale);
    b.reals(name + ".shift", {out}, noise(static_cast<std::size_t>(out), seed + 2));
    b.reals(name + ".mean", {out}, noise(static_cast<std::size_t>(out), seed + 3));
    b.reals(name + ".variance", {out}, std::vector<float>(static_cast<std::size_t>(out), 0.5F));
    b.node("BatchNormalization", name + ".bn", {name + ".scale", name + ".shift", name + ".mean", name + ".variance"});
    b.node("Relu", name + ".relu");
  };
  conv("one", 2, 6, weak_one, 10);
  auto& average = b.node("AveragePool", "average");
  set(average, "kernel_shape", Dims{2, 2});
  set(average, "strides", Dims{2, 2});
  set(average, "pads", Dims{1, 0, 1, 0});
  set(average, "count_include_pad", std::int64_t{1});
  conv("two", 6, 8, weak_two, 20);
  auto& largest = b.node("MaxPool", "largest");
  set(largest, "kernel_shape", Dims{3, 2});
  set(largest, "strides", Dims{2, 1});
  set(largest, "pads", Dims{1, 0, 0, 1});
  b.node("Flatten", "flatten");
  b.reals("hidden.w", {8 * 3 * 5, 10}, noise(8 * 3 * 5 * 10, 30));
  b.reals("hidden.b", {10}, noise(10, 31));
  b.node("Gemm", "hidden", {"hidden.w", "hidden.b"});
  b.node("Relu", "hidden.relu");
  b.reals("last.w", {10, 3}, noise(30, 32));
  b.node("MatMul", "last", {"last.w"});
  b.node("Softmax", "softmax");
  auto network = b.import();
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  return *network;
}

void check_same(const FloatNetwork& a, const FloatNetwork& b, double tolerance) {
  REQUIRE(a.input == b.input);
  for (unsigned seed = 50; seed < 54; ++seed) {
    const auto image = noise(a.input.elements(), seed);
    CHECK(distance(run_float(a, image), run_float(b, image)) < tolerance);
  }
}

/// The removed channels' filters and biases set to zero.
FloatNetwork zeroed(FloatNetwork network, const Pruned& pruned) {
  for (std::size_t i = 0; i < network.layers.size(); ++i)
    for (const std::size_t c : pruned.layers[i].removed) {
      auto& layer = network.layers[i];
      for (std::size_t k = c; k < layer.filter.size(); k += layer.conv.out_channels) layer.filter[k] = 0;
      layer.bias[c] = 0;
    }
  return network;
}

}  // namespace

TEST_CASE("on a map of one cell, convolutions that a later window reads stay convolutions in the exported file") {
  OnnxBuilder b({1, 2, 4, 4});
  b.reals("whole.w", {6, 2, 4, 4}, noise(6 * 2 * 16, 1));
  b.node("Conv", "whole", {"whole.w"});
  b.node("Relu", "whole.relu");
  b.reals("one.w", {5, 6, 1, 1}, noise(5 * 6, 2));
  b.node("Conv", "one", {"one.w"});
  b.node("Relu", "one.relu");
  b.reals("padded.w", {4, 5, 3, 3}, noise(4 * 5 * 9, 3));
  set(b.node("Conv", "padded", {"padded.w"}), "pads", Dims{1, 1, 1, 1});
  set(b.node("Softmax", "softmax"), "axis", std::int64_t{1});
  const auto network = b.import();
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  REQUIRE(network->layers.size() == 3);
  const auto back = through_file(*network);
  CHECK(back.post == network->post);
  check_same(*network, back, 1e-5);
  const auto pruned = prune(*network, 0.5);
  REQUIRE(pruned.has_value());
  check_same(zeroed(*network, *pruned), through_file(pruned->network), 1e-5);
}

TEST_CASE("one channel of every layer stays") {
  const auto network = known_weak();
  const auto pruned = prune(network, 0.9999999999);
  REQUIRE(pruned.has_value());
  for (std::size_t i = 0; i + 1 < pruned->layers.size(); ++i) CHECK(pruned->layers[i].channels_after == 1);
  check_same(zeroed(network, *pruned), through_file(pruned->network), 1e-5);
}

TEST_CASE("pruning nothing changes nothing") {
  const auto network = known_weak();
  const auto pruned = prune(network, 0);
  REQUIRE(pruned.has_value());
  for (const auto& layer : pruned->layers) CHECK(layer.removed.empty());
  CHECK(parameters(pruned->network) == parameters(network));
  check_same(network, through_file(pruned->network), 1e-5);
}

TEST_CASE("the weakest channels go, and what is left equals the network with them at zero") {
  const auto network = known_weak();
  const auto pruned = prune(network, 0.375);
  REQUIRE(pruned.has_value());
  CHECK(pruned->layers[0].removed == weak_one);
  CHECK(pruned->layers[1].removed == weak_two);
  CHECK(pruned->layers[2].removed.size() == 3);
  CHECK(pruned->layers[3].removed.empty());
  const auto& layers = pruned->network.layers;
  CHECK(layers[0].conv.out_channels == 4);
  CHECK(layers[1].conv.in == tensor::Shape{7, 5, 4});
  CHECK(layers[1].conv.out_channels == 5);
  CHECK(layers[2].conv.in == tensor::Shape{1, 1, 5 * 3 * 5});
  CHECK(layers[3].conv.in == tensor::Shape{1, 1, 7});
  CHECK(parameters(pruned->network) == (2 * 9 * 4 + 4) + (4 * 9 * 5 + 5) + (75 * 7 + 7) + (7 * 3 + 3));
  CHECK(macs(pruned->network) == 12 * 10 * 2 * 9 * 4 + 7 * 5 * 4 * 9 * 5 + 75 * 7 + 21);
  const auto reference = zeroed(network, *pruned);
  check_same(reference, pruned->network, 1e-5);
  check_same(reference, through_file(pruned->network), 1e-5);
  const auto image = noise(network.input.elements(), 60);
  CHECK(distance(run_float(network, image), run_float(pruned->network, image)) > 1e-3);
}

TEST_CASE("first layers stay whole when asked to") {
  const auto network = known_weak();
  const auto pruned = prune(network, 0.375, 1);
  REQUIRE(pruned.has_value());
  CHECK(pruned->layers[0].removed.empty());
  CHECK(pruned->layers[1].removed == weak_two);
  check_same(zeroed(network, *pruned), through_file(pruned->network), 1e-5);
}

TEST_CASE("a network that ends in a pool keeps its outputs") {
  OnnxBuilder b({1, 2, 6, 6});
  b.reals("a", {8, 2, 3, 3}, noise(8 * 2 * 9, 1));
  set(b.node("Conv", "a", {"a"}), "pads", Dims{1, 1, 1, 1});
  b.node("Relu", "r");
  b.reals("b", {3, 8, 1, 1}, noise(24, 2));
  b.node("Conv", "b", {"b"});
  b.node("GlobalAveragePool", "g");
  b.node("Flatten", "f");
  const auto network = b.import();
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  REQUIRE(network->layers.size() == 3);
  const auto pruned = prune(*network, 0.5);
  REQUIRE(pruned.has_value());
  CHECK(pruned->layers[0].removed.size() == 4);
  CHECK(pruned->layers[1].removed.empty());
  check_same(zeroed(*network, *pruned), through_file(pruned->network), 1e-5);
}

TEST_CASE("fractions and networks that cannot be pruned are refused") {
  const auto network = known_weak();
  for (const double fraction : {-0.1, 1.0, 1.5, std::nan("")}) {
    const auto refused = prune(network, fraction);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().what.find("from 0 to below 1") != std::string::npos);
  }
  // One channel stays, whatever is asked for.
  const auto least = prune(network, 1 - 1e-12);
  REQUIRE(least.has_value());
  CHECK(least->layers[0].channels_after == 1);
  CHECK_FALSE(prune(network, 0.5, 3).has_value());
  OnnxBuilder b({1, 1, 4, 4});
  b.node("Flatten", "f");
  b.reals("w", {16, 2}, noise(32, 1));
  b.node("MatMul", "m", {"w"});
  const auto linear = b.import();
  REQUIRE(linear.has_value());
  const auto refused = prune(*linear, 0.5);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().what.find("nothing to prune") != std::string::npos);
}

TEST_CASE("a layer that only hands a map through keeps all channels: they are the image's, or the layer's before") {
  OnnxBuilder b({1, 3, 6, 6});
  set(b.node("MaxPool", "first"), "kernel_shape", std::vector<std::int64_t>{2, 2});
  b.reals("w", {8, 3, 3, 3}, noise(216, 1));
  b.node("Conv", "conv", {"w"});
  b.node("Relu", "r");
  b.node("Flatten", "f");
  b.reals("fc", {72, 2}, noise(144, 2));
  b.node("MatMul", "head", {"fc"});
  const auto network = b.import();
  REQUIRE(network.has_value());
  REQUIRE(network->layers.size() == 3);
  const auto pruned = prune(*network, 0.5, 0);
  REQUIRE(pruned.has_value());
  CHECK(pruned->layers[0].removed.empty());
  CHECK(pruned->layers[1].channels_after == 4);
}
