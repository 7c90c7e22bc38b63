#include <doctest/doctest.h>

#include <cmath>

#include "model/plaintext/float_oracle.h"
#include "tests/model/support/naive.h"
#include "tests/model/support/onnx_builder.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

constexpr double tolerance = 2e-5;

FloatNetwork imported(OnnxBuilder& b) {
  auto network = b.import();
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  return *network;
}

std::vector<float> run(OnnxBuilder& b, const std::vector<float>& image) {
  return run_float(imported(b), image);
}

/// A fully connected layer to two outputs over `elements`, the current value flattened.
std::vector<float> end_dense(OnnxBuilder& b, std::size_t elements, std::size_t out = 2) {
  b.node("Flatten", "flatten");
  const auto w = noise(elements * out, 77);
  b.reals("dense.w", {static_cast<std::int64_t>(elements), static_cast<std::int64_t>(out)}, w);
  b.node("MatMul", "dense", {"dense.w"});
  return w;
}

}  // namespace

TEST_CASE("Conv with kernel, strides and uneven pads equals the loops") {
  const Slide slides[] = {{3, 3, 1, 1, 1, 1, 1, 1}, {5, 2, 2, 1, 0, 1, 2, 0}, {1, 1, 1, 1}, {3, 4, 3, 2, 2, 0, 1, 3}};
  for (const auto& s : slides) {
    OnnxBuilder b({0, 3, 11, 9});
    const auto w = noise(4 * 3 * s.kh * s.kw, 1), bias = noise(4, 2), image = noise(11 * 9 * 3, 3);
    b.reals("w", {4, 3, static_cast<std::int64_t>(s.kh), static_cast<std::int64_t>(s.kw)}, w);
    b.reals("b", {4}, bias);
    auto& node = b.node("Conv", "c", {"w", "b"});
    auto i = [](std::size_t v) { return static_cast<std::int64_t>(v); };
    set(node, "strides", std::vector<std::int64_t>{i(s.sy), i(s.sx)});
    set(node, "pads", std::vector<std::int64_t>{i(s.top), i(s.left), i(s.bottom), i(s.right)});
    set(node, "group", std::int64_t{1});
    set(node, "dilations", std::vector<std::int64_t>{1, 1});
    b.node("Relu", "r");
    const Map map = relu(conv(from_image(image, 11, 9, 3), w, 4, bias, s));
    const auto dense_w = end_dense(b, map.values.size());
    CHECK(distance(run(b, image), floats(dense(map, dense_w, 2, {0, 0}))) < 20 * tolerance);
  }
}

TEST_CASE("auto_pad puts the odd pixel after the map or before it") {
  for (const std::string how : {"SAME_UPPER", "SAME_LOWER", "VALID"}) {
    OnnxBuilder b({1, 1, 6, 7});
    const auto w = noise(2 * 4 * 4, 1), image = noise(42, 3);
    b.reals("w", {2, 1, 4, 4}, w);
    auto& node = b.node("Conv", "c", {"w"});
    set(node, "auto_pad", how);
    set(node, "strides", std::vector<std::int64_t>{2, 2});
    // SAME: 3×4 outputs; rows cover (3-1)·2+4 = 8 of 6, columns (4-1)·2+4 = 10 of 7.
    const Slide s = how == "VALID"        ? Slide{4, 4, 2, 2}
                    : how == "SAME_UPPER" ? Slide{4, 4, 2, 2, 1, 1, 1, 2}
                                          : Slide{4, 4, 2, 2, 1, 2, 1, 1};
    const Map map = conv(from_image(image, 6, 7, 1), w, 2, {0, 0}, s);
    const auto dense_w = end_dense(b, map.values.size());
    CHECK(distance(run(b, image), floats(dense(map, dense_w, 2, {0, 0}))) < tolerance);
  }
}

TEST_CASE("BatchNormalization and Add are folded into the layer before them") {
  OnnxBuilder b({1, 2, 5, 5});
  const auto w = noise(3 * 2 * 9, 1), image = noise(50, 2);
  const std::vector<float> scale{1.5F, -0.7F, 0.2F}, shift{0.1F, 0.2F, -0.3F}, mean{0.5F, -0.5F, 1},
      variance{2, 0.1F, 0.5F}, add{0.25F, -1, 3};
  b.reals("w", {3, 2, 3, 3}, w);
  b.node("Conv", "c", {"w"});
  b.reals("add", {3, 1, 1}, add);
  b.node("Add", "a", {"add"});
  for (const auto& [name, v] : {std::pair{"s", scale}, {"t", shift}, {"m", mean}, {"v", variance}})
    b.reals(name, {3}, v);
  set(b.node("BatchNormalization", "n", {"s", "t", "m", "v"}), "epsilon", 1e-3F);
  b.node("Relu", "r");
  b.node("GlobalAveragePool", "g");
  Map map = conv(from_image(image, 5, 5, 2), w, 3, add, {3, 3});
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < 9; ++i) {
      double& v = map.values[c * 9 + i];
      v = (v - mean[c]) / std::sqrt(variance[c] + 1e-3) * scale[c] + shift[c];
    }
  const Map expected = average_pool(relu(map), {3, 3});
  const auto network = imported(b);
  CHECK(distance(run_float(network, image), floats(expected)) < tolerance);
  // The network ends with an average pool, so a layer that hands the values through was put behind it.
  REQUIRE(network.layers.size() == 2);
  CHECK(network.layers[0].average_pools.size() == 1);
  CHECK(network.layers[1].name == "output");
}

TEST_CASE("the constant of an Add may come first, may be one number, and is a bias of MatMul too") {
  OnnxBuilder b({1, 1, 2, 2});
  b.reals("w", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  b.reals("one", {}, {10});
  b.reals("two", {1, 2}, {100, 200});
  b.node("Flatten", "f");
  b.node("MatMul", "m", {"w"});
  const std::string product = b.value();
  b.node("Add", "a", {"one"});
  b.aside("Add", "b", {"two", "a.out"});
  b.model().mutable_graph()->mutable_output(0)->set_name("b.out");
  auto file = b.model().SerializeAsString();
  auto network = import_onnx(std::vector<std::uint8_t>(file.begin(), file.end()), "x");
  REQUIRE(network.has_value());
  CHECK(run_float(*network, std::vector<float>{1, 1, 1, 1}) == std::vector<float>{126, 230});
  CHECK(network->layers.size() == 1);
}

TEST_CASE("MaxPool after ReLU is put before it, whatever the size of the map") {
  OnnxBuilder b({1, 2, 25, 13});
  const auto w = noise(2 * 2, 1), image = noise(25 * 13 * 2, 2);
  b.reals("w", {2, 2, 1, 1}, w);
  b.node("Conv", "c", {"w"});
  b.node("Relu", "r");
  auto& pool = b.node("MaxPool", "p");
  set(pool, "kernel_shape", std::vector<std::int64_t>{2, 2});
  set(pool, "strides", std::vector<std::int64_t>{2, 2});
  auto& second = b.node("MaxPool", "q");
  set(second, "kernel_shape", std::vector<std::int64_t>{3, 3});
  set(second, "pads", std::vector<std::int64_t>{1, 1, 1, 1});
  Map map = max_pool(max_pool(relu(conv(from_image(image, 25, 13, 2), w, 2, {0, 0}, {1, 1})), {2, 2, 2, 2}),
                     {3, 3, 1, 1, 1, 1, 1, 1});
  CHECK(map.height == 12);
  const auto dense_w = end_dense(b, map.values.size());
  const auto network = imported(b);
  CHECK(distance(run_float(network, image), floats(dense(map, dense_w, 2, {0, 0}))) < tolerance * 10);
  CHECK(network.layers[0].max_pools.size() == 2);
  CHECK(network.layers[0].relu);
  CHECK(network.layers[0].relu_shape() == tensor::Shape{12, 6, 2});
}

TEST_CASE("AveragePool counts its padding as zeros; a Pad before it does the same") {
  for (const bool by_pad : {false, true}) {
    OnnxBuilder b({1, 2, 7, 7});
    const auto w = noise(2 * 2, 1), image = noise(98, 2);
    b.reals("w", {2, 2, 1, 1}, w);
    b.node("Conv", "c", {"w"});
    b.node("Relu", "r");
    if (by_pad) {
      b.integers("pads", {0, 0, 1, 0, 0, 0, 1, 1});
      b.node("Pad", "pad", {"pads"});
    }
    auto& pool = b.node("AveragePool", "p");
    set(pool, "kernel_shape", std::vector<std::int64_t>{3, 2});
    set(pool, "strides", std::vector<std::int64_t>{3, 2});
    if (!by_pad) {
      set(pool, "pads", std::vector<std::int64_t>{1, 0, 1, 1});
      set(pool, "count_include_pad", std::int64_t{1});
    }
    const Map map =
        average_pool(relu(conv(from_image(image, 7, 7, 2), w, 2, {0, 0}, {1, 1})), {3, 2, 3, 2, 1, 0, 1, 1});
    const auto dense_w = end_dense(b, map.values.size());
    CHECK(distance(run(b, image), floats(dense(map, dense_w, 2, {0, 0}))) < tolerance);
  }
}

TEST_CASE("Gemm with alpha, beta and transB reads the flattened map in ONNX's order") {
  OnnxBuilder b({1, 3, 2, 4});
  const auto image = noise(24, 5), w = noise(24 * 2, 6);  // [output][input]
  b.reals("w", {2, 24}, w);
  b.reals("c", {1, 2}, {1, -2});
  b.integers("shape", {-1, 24});
  b.node("Reshape", "flat", {"shape"});
  auto& gemm = b.node("Gemm", "g", {"w", "c"});
  set(gemm, "alpha", 0.5F);
  set(gemm, "beta", 2.0F);
  set(gemm, "transB", std::int64_t{1});
  const Map map = from_image(image, 2, 4, 3);
  std::vector<float> expected;
  for (std::size_t o = 0; o < 2; ++o) {
    double sum = 0;
    for (std::size_t i = 0; i < 24; ++i) sum += map.values[i] * w[o * 24 + i];
    expected.push_back(static_cast<float>(0.5 * sum + 2 * (o == 0 ? 1 : -2)));
  }
  CHECK(distance(run(b, image), expected) < tolerance);
}

TEST_CASE("DequantizeLinear of weights: per tensor, per channel, signed and unsigned") {
  OnnxBuilder b({1, 1, 1, 3});
  // [output][input], scale and zero point per output.
  b.bytes("q", {2, 3}, {-128, 0, 127, 5, 6, 7}, true);
  b.reals("s", {2}, {0.5F, 2});
  b.bytes("z", {2}, {1, -3}, true);
  set(b.aside("DequantizeLinear", "dq", {"q", "s", "z"}), "axis", std::int64_t{0});
  b.bytes("bias.q", {2}, {200, 10}, false);
  b.reals("bias.s", {}, {0.1F});
  b.bytes("bias.z", {}, {100}, false);
  b.aside("DequantizeLinear", "bias", {"bias.q", "bias.s", "bias.z"});
  b.node("Flatten", "f");
  set(b.node("Gemm", "g", {"dq.out", "bias.out"}), "transB", std::int64_t{1});
  const auto out = run(b, {1, 10, 100});
  REQUIRE(out.size() == 2);
  CHECK(out[0] == doctest::Approx(0.5 * (-129 * 1 + -1 * 10 + 126 * 100) + 10));
  CHECK(out[1] == doctest::Approx(2 * (8 * 1 + 9 * 10 + 10 * 100) - 9));
}

TEST_CASE("Constant, Identity, Dropout, and Reshape and Transpose of weights are folded") {
  OnnxBuilder b({1, 1, 1, 3}, 12);
  auto& constant = b.aside("Constant", "k", {});
  auto* a = constant.add_attribute();
  a->set_name("value");
  a->set_type(onnx::AttributeProto::TENSOR);
  auto* t = a->mutable_t();
  t->set_data_type(onnx::TensorProto::FLOAT);
  t->add_dims(6);
  for (int i = 1; i <= 6; ++i) t->add_float_data(static_cast<float>(i));
  b.integers("shape", {2, -1});
  b.aside("Reshape", "reshaped", {"k.out", "shape"});
  set(b.aside("Transpose", "turned", {"reshaped.out"}), "perm", std::vector<std::int64_t>{1, 0});
  b.aside("Identity", "same", {"turned.out"});
  b.node("Identity", "i");
  b.node("Flatten", "f");
  b.node("Dropout", "d");
  b.node("MatMul", "m", {"same.out"});
  CHECK(run(b, {1, 10, 100}) == std::vector<float>{321, 654});
}

TEST_CASE("Softmax and LogSoftmax at the end are left to the data owner") {
  for (const auto& [op, post] :
       {std::pair{"Softmax", PostOperation::softmax}, {"LogSoftmax", PostOperation::log_softmax}}) {
    OnnxBuilder b({1, 1, 1, 2});
    b.reals("w", {2, 2}, {1, 0, 0, 1});
    b.node("Flatten", "f");
    b.node("MatMul", "m", {"w"});
    b.node(op, "s");
    const auto network = imported(b);
    CHECK(network.post == post);
    CHECK(run_float(network, std::vector<float>{3, 4}) == std::vector<float>{3, 4});
  }
}

TEST_CASE("a flattened map as output keeps ONNX's order") {
  OnnxBuilder b({1, 2, 2, 2});
  b.reals("w", {2, 2, 1, 1}, {1, 0, 0, 1});
  b.node("Conv", "c", {"w"});
  b.node("Flatten", "f");
  // Row, column, channel in; channel, row, column out.
  CHECK(run(b, {0, 4, 1, 5, 2, 6, 3, 7}) == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
}
