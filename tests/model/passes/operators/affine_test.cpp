#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "model/plaintext/float_oracle.h"
#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

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
    auto b = to_three_channels();
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
    auto b = to_three_channels();
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

TEST_CASE("a BatchNormalization is (x - mean) / sqrt(variance + epsilon) times scale plus shift, of each channel") {
  for (const float epsilon : {0.0F, 1.0F}) {
    OnnxBuilder b({1, 2});
    b.reals("scale", {2}, {3, 1});
    b.reals("shift", {2}, {0, 10});
    b.reals("mean", {2}, {5, -1});
    b.reals("variance", {2}, {epsilon == 0 ? 4.0F : 3.0F, epsilon == 0 ? 0.25F : 0.0F});
    set(b.node("BatchNormalization", "n", {"scale", "shift", "mean", "variance"}), "epsilon", epsilon);
    b.reals("w", {2, 2}, {1, 0, 0, 1});
    b.node("MatMul", "m", {"w"});
    CHECK(run_float(imported(b), std::vector<float>{9, 1}) == std::vector<float>{6, epsilon == 0 ? 14.0F : 12.0F});
  }
}

TEST_CASE("scales and shifts that cannot be are refused") {
  SUBCASE("a constant that would make the value larger") {
    OnnxBuilder b({1, 4});
    b.reals("w", {4, 5}, noise(20, 1));
    b.reals("column", {5, 1}, noise(5, 2));
    b.node("MatMul", "m", {"w"});
    b.node("Add", "a", {"column"});
    refused(b, {"'a' (Add)", "5×1", "1×5", "larger"});
  }
  SUBCASE("a division by zero") {
    auto b = with_conv();
    b.reals("none", {1}, {0});
    b.node("Div", "d", {"none"});
    refused(b, {"'d' (Div)", "by zero"});
  }
  SUBCASE("a division by the image") {
    auto b = with_conv();
    b.reals("one", {}, {1});
    const std::string map = b.value();
    b.aside("Div", "d", {"one", map});
    b.continue_from("d.out");
    refused(b, {"'d' (Div)", "divides by what depends on the image"});
  }
  SUBCASE("constants of a BatchNormalization") {
    auto b = with_conv();
    normalization(b, "bn", 3);
    refused(b, {"'bn' (BatchNormalization)", "its scale has 3 values for 2 channels"});
    auto c = with_conv();
    normalization(c, "bn", 2);
    c.model().mutable_graph()->mutable_initializer(4)->set_float_data(1, -1);
    refused(c, {"'bn' (BatchNormalization)", "variance that is not positive at channel 1"});
    auto d = with_conv();
    normalization(d, "bn", 2);
    set(*d.model().mutable_graph()->mutable_node(1), "training_mode", std::int64_t{1});
    refused(d, {"'bn' (BatchNormalization)", "training mode"});
  }
}
