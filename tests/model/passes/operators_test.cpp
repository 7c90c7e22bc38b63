#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "model/plaintext/float_oracle.h"
#include "tests/model/support/onnx_builder.h"
#include "tests/model/support/reference.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

using Dims = std::vector<std::int64_t>;

/// A network of channels, rows, columns 2×6×5 whose first node is a convolution to three channels of 5×4.
OnnxBuilder start(std::int64_t opset = 13) {
  OnnxBuilder b({0, 2, 6, 5}, opset);
  b.reals("w", {3, 2, 2, 2}, noise(24, 1));
  b.reals("b", {3}, noise(3, 2));
  b.node("Conv", "conv", {"w", "b"});
  return b;
}

/// Ends in four numbers of all elements.
void finish(OnnxBuilder& b, std::int64_t elements) {
  b.reals("fc", {elements, 4}, noise(static_cast<std::size_t>(elements) * 4, 3));
  b.node("Flatten", "flatten");
  b.node("MatMul", "head", {"fc"});
}

/// The import accepts it, and computes what the reference does; the network, for what else a test looks at.
FloatNetwork agrees(OnnxBuilder& b) {
  (void)b.file();
  const auto imported = b.import();
  REQUIRE_MESSAGE(imported.has_value(), (imported ? "" : imported.error().what));
  const auto& shape = imported->input;
  const auto pixels = noise(shape.elements(), 9);
  const auto& dims = b.model().graph().input(0).type().tensor_type().shape();
  const bool nchw = dims.dim_size() == 4 && static_cast<std::size_t>(dims.dim(1).dim_value()) == shape.channels;
  std::vector<double> image(pixels.size());
  for (std::size_t p = 0; p < shape.height * shape.width; ++p)
    for (std::size_t c = 0; c < shape.channels; ++c)
      image[nchw ? c * shape.height * shape.width + p : p * shape.channels + c] =
          static_cast<double>(pixels[p * shape.channels + c]);
  const Tensor expected = evaluate(b.model(), image);
  std::vector<float> wanted(expected.values.begin(), expected.values.end());
  CHECK(distance(run_float(*imported, pixels), wanted) < 1e-4);
  return *imported;
}

void normalization(OnnxBuilder& b, const std::string& name, std::size_t n) {
  const auto positive = [&](unsigned seed) {
    auto v = noise(n, seed);
    for (float& x : v) x = 0.5F + std::abs(x);
    return v;
  };
  const Dims dims{static_cast<std::int64_t>(n)};
  b.reals(name + ".s", dims, noise(n, 11));
  b.reals(name + ".t", dims, noise(n, 12));
  b.reals(name + ".m", dims, noise(n, 13));
  b.reals(name + ".v", dims, positive(14));
  b.node("BatchNormalization", name, {name + ".s", name + ".t", name + ".m", name + ".v"});
}

}  // namespace

TEST_CASE("what PyTorch writes for view(x.size(0), -1) is a Reshape to known sizes") {
  for (const std::int64_t opset : {11, 18}) {
    auto b = start(opset);
    b.node("Relu", "relu");
    const std::string map = b.value();
    b.integers("zero", {0});
    b.integers("rest", {-1});
    b.integers("axis", {0});
    b.aside("Shape", "shape", {map});
    b.model().mutable_graph()->mutable_initializer(2)->clear_dims();  // Gather by a scalar
    b.aside("Gather", "batch", {"shape.out", "zero"});
    auto& row = b.aside("Unsqueeze", "row", {"batch.out"});
    if (opset < 13)
      set(row, "axes", Dims{0});
    else
      row.add_input("axis");
    set(b.aside("Concat", "sizes", {"row.out", "rest"}), "axis", std::int64_t{0});
    b.node("Reshape", "view", {"sizes.out"});
    b.reals("fc", {60, 4}, noise(240, 3));
    b.node("MatMul", "head", {"fc"});
    CHECK(agrees(b).layers.size() == 2);
  }
}

TEST_CASE("Reshape with allowzero, Flatten at axis 0, and dimensions of one that come and go") {
  SUBCASE("allowzero") {
    auto b = start(18);
    b.integers("row", {1, -1});
    set(b.node("Reshape", "r", {"row"}), "allowzero", std::int64_t{1});
    b.reals("fc", {60, 4}, noise(240, 3));
    b.node("MatMul", "head", {"fc"});
    agrees(b);
  }
  SUBCASE("axis 0") {
    auto b = start();
    set(b.node("Flatten", "f"), "axis", std::int64_t{0});
    b.reals("fc", {60, 4}, noise(240, 3));
    b.node("MatMul", "head", {"fc"});
    agrees(b);
  }
  SUBCASE("a flat value as a map of one element, and back") {
    auto b = start();
    b.node("Flatten", "f");
    b.reals("fc", {60, 6}, noise(360, 3));
    b.node("MatMul", "m", {"fc"});
    b.integers("map", {1, 6, 1, 1});
    b.node("Reshape", "up", {"map"});
    b.reals("v", {4, 6, 1, 1}, noise(24, 5));
    b.node("Conv", "head", {"v"});
    b.integers("axes", {2, 3});
    b.node("Squeeze", "down", {"axes"});
    agrees(b);
  }
  SUBCASE("a flattened map as the channels of a convolution of one element") {
    auto b = start();
    b.integers("map", {1, 60, 1, 1});
    b.node("Reshape", "up", {"map"});
    b.reals("v", {4, 60, 1, 1}, noise(240, 5));
    b.node("Conv", "head", {"v"});
    agrees(b);
  }
}

TEST_CASE("channels last: Transposes from Keras and TensorFlow, around convolutions and before a Flatten") {
  OnnxBuilder b({0, 8, 7, 3});
  set(b.node("Transpose", "in"), "perm", Dims{0, 3, 1, 2});
  b.reals("w", {4, 3, 3, 3}, noise(108, 1));
  set(b.node("Conv", "conv", {"w"}), "pads", Dims{1, 1, 1, 1});
  b.node("Relu", "relu");
  set(b.node("Transpose", "out"), "perm", Dims{0, 2, 3, 1});
  b.reals("bias", {4}, noise(4, 2));
  b.node("Add", "add", {"bias"});
  b.integers("row", {-1, 8 * 7 * 4});
  b.node("Reshape", "r", {"row"});
  b.reals("fc", {8 * 7 * 4, 4}, noise(8 * 7 * 16, 3));
  b.node("MatMul", "head", {"fc"});
  const auto network = agrees(b);
  CHECK(network.input == tensor::Shape{8, 7, 3});
  CHECK(network.layers.size() == 2);
}

TEST_CASE("a MatMul along the last axis of a channels-last map is a convolution of one element") {
  OnnxBuilder b({1, 4, 5, 3});
  b.reals("w", {3, 6}, noise(18, 1));
  b.node("MatMul", "dense", {"w"});
  b.node("Relu", "r");
  finish(b, 4 * 5 * 6);
  CHECK(agrees(b).layers.front().conv.in == tensor::Shape{4, 5, 3});
}

TEST_CASE("inputs that are no image: a row of numbers, a map without channels, a row that becomes a map") {
  SUBCASE("a row") {
    OnnxBuilder b({0, 36});
    b.reals("w", {36, 4}, noise(144, 1));
    b.node("MatMul", "m", {"w"});
    CHECK(agrees(b).input == tensor::Shape{1, 1, 36});
  }
  SUBCASE("rows and columns") {
    OnnxBuilder b({1, 6, 7});
    finish(b, 42);
    CHECK(agrees(b).input == tensor::Shape{6, 7, 1});
  }
  SUBCASE("a row that becomes a map") {
    OnnxBuilder b({1, 2 * 6 * 5});
    b.integers("map", {-1, 2, 6, 5});
    b.node("Reshape", "up", {"map"});
    b.reals("w", {3, 2, 2, 2}, noise(24, 1));
    b.node("Conv", "conv", {"w"});
    finish(b, 60);
    const auto imported = b.import();
    REQUIRE(imported.has_value());
    CHECK(imported->input == tensor::Shape{6, 5, 2});
  }
}

TEST_CASE("a ReduceMean over rows and columns is a global average, whatever names its axes") {
  struct Form {
    std::int64_t opset;
    Dims axes;
    bool keep;
  };
  for (const auto& f :
       {Form{13, {2, 3}, true}, Form{13, {-1, -2}, false}, Form{18, {2, 3}, false}, Form{18, {-2, 3}, true}}) {
    auto b = start(f.opset);
    b.node("Relu", "r");
    b.integers("axes", f.axes);
    auto& mean = f.opset < 18 ? b.node("ReduceMean", "mean") : b.node("ReduceMean", "mean", {"axes"});
    if (f.opset < 18) set(mean, "axes", f.axes);
    set(mean, "keepdims", std::int64_t{f.keep ? 1 : 0});
    finish(b, 3);
    const auto network = agrees(b);
    REQUIRE(network.layers.size() == 2);
    CHECK(network.layers[0].average_pools == std::vector{tensor::Window{5, 4}});
  }
}

TEST_CASE("a BatchNormalization folds forward where no layer is before it, over padding as a bias for each position") {
  SUBCASE("after a ReLU, before a fully connected layer") {
    auto b = start();
    b.node("Relu", "r");
    normalization(b, "bn", 3);
    finish(b, 60);
    CHECK(agrees(b).layers.size() == 2);
  }
  SUBCASE("of the input, before a convolution that pads") {
    OnnxBuilder b({1, 2, 6, 5});
    normalization(b, "bn", 2);
    b.reals("w", {3, 2, 3, 3}, noise(54, 1));
    set(b.node("Conv", "conv", {"w"}), "pads", Dims{1, 1, 1, 1});
    b.node("Relu", "r");
    finish(b, 90);
    const auto network = agrees(b);
    CHECK(network.layers.size() == 2);
    CHECK(network.layers[0].bias_per_position());
  }
  SUBCASE("after an average") {
    auto b = start();
    b.node("Relu", "r");
    set(b.node("AveragePool", "p"), "kernel_shape", Dims{2, 2});
    normalization(b, "bn", 3);
    finish(b, 36);
    CHECK(agrees(b).layers.size() == 2);
  }
  SUBCASE("of a flattened map: each number by itself") {
    auto b = start();
    b.node("Relu", "r");
    b.node("Flatten", "f");
    normalization(b, "bn", 60);
    b.reals("fc", {60, 4}, noise(240, 3));
    b.node("MatMul", "head", {"fc"});
    CHECK(agrees(b).layers.size() == 2);
  }
  SUBCASE("between two ReLUs it is a layer of its own") {
    auto b = start();
    b.node("Relu", "r");
    normalization(b, "bn", 3);
    b.node("Relu", "again");
    finish(b, 60);
    const auto network = agrees(b);
    CHECK(network.layers.size() == 3);
    CHECK(std::count_if(network.notes.begin(), network.notes.end(),
                        [](const auto& n) { return n.find("'bn'") != std::string::npos; }) == 1);
  }
}

TEST_CASE("arithmetic with constants, as ONNX broadcasts it") {
  struct Form {
    std::string op;
    Dims dims;
  };
  for (const auto& f :
       {Form{"Add", {4}}, Form{"Sub", {3, 1, 1}}, Form{"Mul", {3, 1, 1}}, Form{"Div", {1, 3, 1, 1}},
        Form{"Add", {3, 5, 4}}, Form{"Sub", {1, 1, 5, 1}}, Form{"Mul", {}}, Form{"Add", {1, 1, 1, 1, 1}}}) {
    CAPTURE(f.op);
    CAPTURE(f.dims);
    auto b = start();
    std::size_t n = 1;
    for (const auto d : f.dims) n *= static_cast<std::size_t>(d);
    auto values = noise(n, 21);
    for (float& v : values) v += 1.5F;
    b.reals("k", f.dims, values);
    b.node(f.op, "a", {"k"});
    b.node("Relu", "r");
    finish(b, 60);
    CHECK(agrees(b).layers.size() == 2);
  }
  SUBCASE("a constant minus the map, then a factor for each position before a fully connected layer") {
    auto b = start();
    b.reals("k", {3, 1, 1}, {1, 2, 3});
    const std::string map = b.value();
    b.aside("Sub", "s", {"k", map});
    b.continue_from("s.out");
    b.node("Relu", "r");
    b.reals("f", {5, 4}, noise(20, 5));
    b.node("Mul", "m", {"f"});
    finish(b, 60);
    agrees(b);
  }
  SUBCASE("scales of the input, as exporters put them before the first layer") {
    OnnxBuilder b({1, 3, 6, 6});
    b.reals("255", {}, {255});
    b.reals("mean", {3, 1, 1}, {0.4F, 0.5F, 0.6F});
    b.reals("deviation", {1, 3, 1, 1}, {0.2F, 0.3F, 0.25F});
    b.node("Div", "d", {"255"});
    b.node("Sub", "s", {"mean"});
    b.node("Div", "e", {"deviation"});
    b.reals("w", {3, 3, 3, 3}, noise(81, 1));
    b.node("Conv", "conv", {"w"});
    finish(b, 48);
    const auto network = agrees(b);
    CHECK(network.layers.size() == 2);
    CHECK_FALSE(network.layers[0].bias_per_position());
  }
}

TEST_CASE("pools: on the input, in any order, with ceil_mode, and averages over what the border leaves") {
  SUBCASE("a maximum of the input") {
    OnnxBuilder b({1, 2, 6, 5});
    set(b.node("MaxPool", "p"), "kernel_shape", Dims{2, 2});
    finish(b, 40);
    CHECK(agrees(b).layers.size() == 2);
  }
  SUBCASE("ReLU after an average; a maximum after an average") {
    auto b = start();
    set(b.node("AveragePool", "p"), "kernel_shape", Dims{2, 2});
    b.node("Relu", "r");
    set(b.node("AveragePool", "q"), "kernel_shape", Dims{2, 1});
    set(b.node("MaxPool", "m"), "kernel_shape", Dims{1, 2});
    finish(b, 18);
    CHECK(agrees(b).layers.size() == 4);
  }
  for (const std::string op : {"MaxPool", "AveragePool"})
    for (const std::int64_t include : {0, 1})
      for (const std::int64_t ceil : {0, 1})
        for (const Dims& pads : {Dims{0, 0, 0, 0}, Dims{1, 1, 1, 1}, Dims{0, 1, 1, 0}}) {
          CAPTURE(op);
          CAPTURE(include);
          CAPTURE(ceil);
          auto b = start();
          b.node("Relu", "r");
          auto& p = b.node(op, "p");
          set(p, "kernel_shape", Dims{2, 3});
          set(p, "strides", Dims{2, 2});
          set(p, "pads", pads);
          set(p, "ceil_mode", ceil);
          if (op == "AveragePool") set(p, "count_include_pad", include);
          b.node("Flatten", "f");
          agrees(b);
        }
  SUBCASE("a Pad after a ReLU, before a maximum, costs no layer; elsewhere it is one") {
    auto b = start();
    b.node("Relu", "r");
    b.integers("pads", {0, 0, 1, 1, 0, 0, 0, 1});
    b.node("Pad", "pad", {"pads"});
    set(b.node("MaxPool", "m"), "kernel_shape", Dims{2, 2});
    finish(b, 75);
    CHECK(agrees(b).layers.size() == 2);
    auto c = start(18);
    c.integers("pads", {1, 0, 0, 2});
    c.integers("axes", {2, -1});
    c.node("Pad", "one", {"pads", "", "axes"});
    c.node("Pad", "two", {"pads", "", "axes"});
    c.node("Relu", "r");
    finish(c, 3 * 7 * 8);
    CHECK(agrees(c).layers.size() == 3);
  }
}

TEST_CASE("a Pad before a convolution or an average is its padding, and costs no layer") {
  OnnxBuilder b({1, 2, 6, 5});
  b.integers("pads", {0, 0, 1, 0, 0, 0, 2, 1});
  b.node("Pad", "one", {"pads"});
  b.node("Pad", "two", {"pads"});
  b.reals("w", {3, 2, 3, 3}, noise(54, 1));
  set(b.node("Conv", "conv", {"w"}), "pads", Dims{0, 1, 0, 0});
  b.node("Relu", "r");
  b.integers("more", {0, 0, 1, 1, 0, 0, 0, 1});
  b.node("Pad", "three", {"more"});
  auto& pool = b.node("AveragePool", "p");
  set(pool, "kernel_shape", Dims{2, 2});
  set(pool, "strides", Dims{2, 2});
  finish(b, 3 * 5 * 4);
  const auto network = agrees(b);
  REQUIRE(network.layers.size() == 2);
  CHECK(network.layers[0].conv.window == tensor::Window{3, 3, 1, 1, 2, 1, 4, 2});
}

TEST_CASE("padding that no window of a maximum reads is left out; windows of one element are no pool") {
  auto b = start();
  b.node("Relu", "r");
  b.integers("pads", {0, 0, 0, 0, 0, 0, 4, 4});
  b.node("Pad", "pad", {"pads"});
  auto& pool = b.node("MaxPool", "m");
  set(pool, "kernel_shape", Dims{2, 2});
  set(pool, "strides", Dims{3, 4});
  b.node("Flatten", "f");
  agrees(b);

  auto c = start();
  for (int i = 0; i < 20; ++i)
    set(c.node(i % 2 == 0 ? "MaxPool" : "AveragePool", std::string("p").append(std::to_string(i))), "kernel_shape",
        Dims{1, 1});
  finish(c, 60);
  CHECK(agrees(c).layers.size() == 2);
  // As many pools as a layer takes, and a layer for those behind them.
  auto d = start();
  for (int i = 0; i < 10; ++i) {
    auto& p = d.node("MaxPool", std::string("p").append(std::to_string(i)));
    set(p, "kernel_shape", Dims{2, 2});
    set(p, "pads", Dims{1, 1, 0, 0});
  }
  finish(d, 60);
  CHECK(agrees(d).layers.size() == 3);
}

TEST_CASE("a row of numbers becomes a map whose channels are last where a Transpose says so") {
  OnnxBuilder b({0, 36});
  b.integers("map", {-1, 6, 6, 1});
  b.node("Reshape", "up", {"map"});
  set(b.node("Transpose", "in"), "perm", Dims{0, 3, 1, 2});
  b.reals("w", {3, 1, 2, 2}, noise(12, 1));
  b.node("Conv", "conv", {"w"});
  finish(b, 75);
  CHECK(agrees(b).input == tensor::Shape{6, 6, 1});
}

TEST_CASE("a filter with holes is a wider one with zeros; holes of a filter of one are none") {
  for (const Dims& kernel : {Dims{2, 2}, Dims{1, 1}}) {
    auto b = start();
    b.reals("v", {2, 3, kernel[0], kernel[1]}, noise(static_cast<std::size_t>(6 * kernel[0] * kernel[1]), 4));
    auto& conv = b.node("Conv", "holes", {"v"});
    set(conv, "dilations", Dims{2, 3});
    set(conv, "pads", Dims{1, 0, 1, 1});
    b.node("Relu", "r");
    b.node("GlobalAveragePool", "g");
    const auto network = agrees(b);
    CHECK(network.layers[1].conv.window.width == (kernel[1] == 1 ? 1 : 4));
  }
}

TEST_CASE("Clip from 0 up and Max with zeros are ReLU; a Softmax is the end, whatever renames it after") {
  auto b = start();
  b.reals("zero", {}, {0});
  b.node("Clip", "clip", {"zero"});
  b.node("Max", "max", {"zero"});
  b.node("GlobalAveragePool", "g");
  b.reals("v", {4, 3, 1, 1}, noise(12, 4));
  b.node("Conv", "head", {"v"});
  const auto logits = agrees(b);
  CHECK(logits.layers[0].relu);
  set(b.node("Softmax", "s"), "axis", std::int64_t{1});
  b.node("Flatten", "f");
  const auto network = b.import();
  REQUIRE(network.has_value());
  CHECK(network->post == PostOperation::softmax);
  CHECK(network->layers.size() == logits.layers.size());
  auto c = start();
  c.node("GlobalAveragePool", "g");
  c.node("Sigmoid", "s");
  CHECK(c.import()->post == PostOperation::sigmoid);
}

TEST_CASE("half floats, 16-bit integers and a DequantizeLinear with its defaults spelled out") {
  OnnxBuilder b({1, 2});
  b.reals("h", {2, 2}, {});
  auto* half = b.model().mutable_graph()->mutable_initializer(0);
  half->set_data_type(onnx::TensorProto::FLOAT16);
  const std::uint16_t bits[] = {0x3c00, 0xc000, 0x3800, 0x0001};  // 1, -2, 0.5, 2^-24
  half->set_raw_data(bits, sizeof bits);
  set(b.aside("Cast", "cast", {"h"}), "to", std::int64_t{1});
  b.node("MatMul", "m", {"cast.out"});
  const auto network = b.import();
  REQUIRE(network.has_value());
  CHECK(run_float(*network, std::vector<float>{2, 4}) == std::vector<float>{4, -4 + 0x1p-22F});
  half->clear_raw_data();
  for (const auto v : bits) half->add_int32_data(v);
  const auto again = b.import();
  REQUIRE(again.has_value());
  CHECK(again->layers[0].filter == network->layers[0].filter);

  OnnxBuilder q({1, 2});
  q.bytes("q", {2, 2}, {1, -2, 3, -4}, true);
  q.reals("scale", {}, {0.5F});
  auto& dequantize = q.aside("DequantizeLinear", "dq", {"q", "scale"});
  set(dequantize, "block_size", std::int64_t{0});
  q.node("MatMul", "m", {"dq.out"});
  CHECK(run_float(*q.import(), std::vector<float>{1, 1}) == std::vector<float>{2, -3});
}
