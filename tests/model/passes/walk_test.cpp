#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

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

TEST_CASE("an input that is no image of a fixed size is refused") {
  SUBCASE("open image size") {
    OnnxBuilder b({0, 3, 0, 0});
    b.node("Relu", "r");
    refused(b, {"'image'", "fixed image size"});
  }
  SUBCASE("a batch") {
    OnnxBuilder b({8, 3, 4, 4});
    b.node("Relu", "r");
    refused(b, {"batch is fixed to 8"});
  }
  SUBCASE("a map as large as a hostile file likes") {
    OnnxBuilder b({1, 1, 60000, 60000});
    b.node("Relu", "r");
    refused(b, {"too large"});
  }
  SUBCASE("a map") {
    OnnxBuilder b({1, 1, 11585, 11585});
    b.node("Relu", "r");
    refused(b, {"'image'", "too large"});
  }
  SUBCASE("five dimensions") {
    OnnxBuilder b({1, 1, 1, 4, 4});
    b.node("Relu", "r");
    refused(b, {"'image'", "1×1×1×4×4", "batch×channels×height×width"});
  }
}

TEST_CASE("a value that two nodes use, and an output before the end, are refused as branches") {
  auto b = with_conv();
  const std::string before = b.value();
  b.node("Relu", "r");
  b.aside("Flatten", "f", {before});
  b.continue_from("f.out");
  // The Relu is read by nobody: it goes.
  CHECK(imported(b).layers.size() == 2);
  auto c = with_conv();
  const std::string fork = c.value();
  c.node("Relu", "r");
  c.aside("Shape", "shape", {"r.out"});
  c.aside("Reshape", "late", {fork, "shape.out"});
  c.continue_from("late.out");
  refused(c, {"'late' (Reshape)", "another node has used already", "one chain"});
}

TEST_CASE("an operand that must be a constant of reals, and a second output that is used, are refused") {
  auto b = with_conv();
  b.integers("v", {1, 1, 1, 1});
  b.node("Conv", "c", {"v"});
  refused(b, {"'c' (Conv)", "its weights must be a constant of real numbers"});
  auto c = with_conv();
  c.node("Dropout", "d").add_output("mask");
  c.aside("Identity", "i", {"mask"});
  c.continue_from("i.out");
  refused(c, {"'d' (Dropout)", "its output 1 is used"});
  auto d = with_conv();
  d.aside("Relu", "r", {"w"});
  d.node("Add", "a", {"r.out"});
  refused(d, {"'r' (Relu)", "not computed ahead"});
}

TEST_CASE("what no machine could do is refused from shapes, with the node's name") {
  SUBCASE("comparisons") {
    OnnxBuilder b({1, 1, 1024, 1024});
    b.reals("w", {1, 1, 1, 1}, {1});
    b.node("Conv", "c", {"w"});
    set(b.node("MaxPool", "wide"), "kernel_shape", Dims{64, 64});
    refused(b, {"'wide' (MaxPool)", "comparisons"});
  }
  SUBCASE("multiplications") {
    OnnxBuilder b({1, 1, 4096, 4096});
    b.reals("w", {4, 1, 1, 1}, {1, 1, 1, 1});
    b.reals("v", {4, 4, 1, 1}, noise(16, 1));
    b.node("Conv", "first", {"w"});
    for (int i = 0; i < 8; ++i) set(b.node("Conv", nth("again", i), {"v"}), "dilations", Dims{1, 1});
    b.reals("u", {4, 4, 25, 25}, noise(16 * 625, 1));
    auto& wide = b.node("Conv", "wide", {"u"});
    set(wide, "pads", Dims{1000, 1000, 1000, 1000});
    set(wide, "dilations", Dims{80, 80});
    refused(b, {"(Conv)"});
  }
}

TEST_CASE("few bytes do not become much memory or time") {
  SUBCASE("one tensor copied again and again") {
    OnnxBuilder b({1, 1 << 20});
    b.reals("big", {1 << 20, 1}, std::vector<float>(1 << 20, 1));
    std::string last = "big";
    for (int i = 0; i < 20; ++i) {
      b.aside("Identity", nth("copy", i), {last});
      last = nth("copy", i) + ".out";
    }
    b.node("MatMul", "m", {last});
    refused(b, {"copies the model's constants too often"});
  }
  SUBCASE("a constant without values") {
    for (const bool by_node : {true, false}) {
      auto b = with_conv();
      b.node("Flatten", "f");
      auto& none = b.aside("Constant", "none", {});
      auto* a = none.add_attribute();
      a->set_name("value_floats");
      a->set_type(onnx::AttributeProto::FLOATS);
      if (by_node) b.aside("Transpose", "t", {"none.out"});
      b.node("MatMul", "m", {by_node ? "t.out" : "none.out"});
      refused(b, {"without values"});
    }
  }
  SUBCASE("one matrix used by very many layers") {
    OnnxBuilder b({1, 1000});
    b.reals("w", {1000, 1000}, std::vector<float>(1000000, 1));
    for (int i = 0; i < 200; ++i) b.node("MatMul", nth("m", i), {"w"});
    refused(b, {"far more than the file has values"});
  }
  SUBCASE("many layers that only hand a map through") {
    OnnxBuilder b({1, 4000, 2, 2});
    for (int i = 0; i < 20; ++i) {
      const auto window = Dims{2, 2};
      set(b.node("AveragePool", nth("a", i)), "kernel_shape", window);
      set(b.node("MaxPool", nth("m", i)), "kernel_shape", Dims{1, 1});
      b.integers(nth("pads", i), {0, 0, 0, 0, 0, 0, 1, 1});
      b.node("Relu", nth("r", i));
      b.node("Pad", nth("p", i), {nth("pads", i)});
    }
    b.node("Flatten", "f");
    b.reals("w", {16000, 1}, std::vector<float>(16000, 1));
    b.node("MatMul", "m", {"w"});
    refused(b, {"(Pad)", "far more than the file has values"});
  }
}
