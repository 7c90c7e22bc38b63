#include <doctest/doctest.h>

#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

TEST_CASE("Conv with kernel, strides and uneven pads is what ONNX says") {
  struct Form {
    Dims kernel, strides, pads;
  };
  for (const auto& f : {Form{{3, 3}, {1, 1}, {1, 1, 1, 1}}, Form{{5, 2}, {2, 1}, {0, 1, 2, 0}},
                        Form{{1, 1}, {1, 1}, {0, 0, 0, 0}}, Form{{3, 4}, {3, 2}, {2, 0, 1, 3}}}) {
    CAPTURE(f.kernel);
    OnnxBuilder b({0, 3, 11, 9});
    b.reals("w", {4, 3, f.kernel[0], f.kernel[1]}, noise(static_cast<std::size_t>(12 * f.kernel[0] * f.kernel[1]), 1));
    b.reals("b", {4}, noise(4, 2));
    auto& node = b.node("Conv", "c", {"w", "b"});
    set(node, "strides", f.strides);
    set(node, "pads", f.pads);
    set(node, "group", std::int64_t{1});
    set(node, "dilations", Dims{1, 1});
    b.node("Flatten", "f");
    agrees(b);
  }
}

TEST_CASE("a filter with holes is a wider one with zeros, holes of a filter of one are none") {
  for (const Dims& kernel : {Dims{2, 2}, Dims{1, 1}}) {
    auto b = to_three_channels();
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

TEST_CASE("Gemm with alpha, beta and transB reads the flattened map in ONNX's order") {
  for (const std::int64_t transposed : {0, 1}) {
    OnnxBuilder b({1, 3, 2, 4});
    b.reals("w", transposed != 0 ? Dims{2, 24} : Dims{24, 2}, noise(48, 6));
    b.reals("c", {1, 2}, {1, -2});
    b.integers("shape", {-1, 24});
    b.node("Reshape", "flat", {"shape"});
    auto& gemm = b.node("Gemm", "g", {"w", "c"});
    set(gemm, "alpha", 0.5F);
    set(gemm, "beta", 2.0F);
    set(gemm, "transB", transposed);
    agrees(b);
  }
}

TEST_CASE("a MatMul along the last axis of a channels-last map is a convolution of one element") {
  OnnxBuilder b({1, 4, 5, 3});
  b.reals("w", {3, 6}, noise(18, 1));
  b.node("MatMul", "dense", {"w"});
  b.node("Relu", "r");
  finish(b, 4 * 5 * 6);
  CHECK(agrees(b).layers.front().conv.in == tensor::Shape{4, 5, 3});
}

TEST_CASE("weights that do not fit what they are multiplied with are refused") {
  SUBCASE("channels") {
    OnnxBuilder b({1, 3, 4, 4});
    b.reals("w", {2, 2, 1, 1}, {1, 1, 1, 1});
    b.node("Conv", "c", {"w"});
    refused(b, {"'c' (Conv)", "2×2×1×1", "3 channels"});
  }
  SUBCASE("fully connected") {
    auto b = with_conv();
    b.reals("v", {70, 2}, noise(140, 1));
    b.node("Flatten", "f");
    b.node("MatMul", "m", {"v"});
    refused(b, {"'m' (MatMul)", "70 inputs", "72"});
  }
  SUBCASE("a column as Gemm's bias") {
    OnnxBuilder b({1, 4});
    b.reals("w", {4, 5}, noise(20, 1));
    b.reals("column", {5, 1}, noise(5, 2));
    b.node("Gemm", "g", {"w", "column"});
    refused(b, {"'g' (Gemm)", "5×1", "cannot be broadcast to 1×5"});
  }
  SUBCASE("a bias of a convolution") {
    OnnxBuilder b({1, 3, 4, 4});
    b.reals("w", {2, 3, 1, 1}, noise(6, 1));
    b.reals("b", {3}, noise(3, 2));
    b.node("Conv", "c", {"w", "b"});
    refused(b, {"'c' (Conv)", "a bias of shape 3 for 2 channels"});
  }
  SUBCASE("a window larger than its map") {
    OnnxBuilder b({1, 1, 4, 4});
    b.reals("w", {1, 1, 5, 2}, noise(10, 1));
    b.node("Conv", "c", {"w"});
    refused(b, {"'c' (Conv)", "window of 5×2", "does not fit", "4×4"});
  }
  SUBCASE("weights of a map that is no row of numbers") {
    auto b = with_conv();
    b.reals("v", {6, 2}, noise(12, 1));
    b.node("MatMul", "m", {"v"});
    refused(b, {"'m' (MatMul)", "1×2×6×6", "Flatten"});
  }
  SUBCASE("a transposed value") {
    OnnxBuilder b({1, 4});
    b.reals("w", {4, 5}, noise(20, 1));
    set(b.node("Gemm", "g", {"w"}), "transA", std::int64_t{1});
    refused(b, {"'g' (Gemm)", "transA 1"});
  }
}
