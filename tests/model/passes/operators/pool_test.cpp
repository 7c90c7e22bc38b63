#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

TEST_CASE("a ReduceMean over rows and columns is a global average, whatever names its axes") {
  struct Form {
    std::int64_t opset;
    Dims axes;
    bool keep;
  };
  for (const auto& f :
       {Form{13, {2, 3}, true}, Form{13, {-1, -2}, false}, Form{18, {2, 3}, false}, Form{18, {-2, 3}, true}}) {
    auto b = to_three_channels(f.opset);
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

TEST_CASE("pools: on the input, in any order, with ceil_mode, and averages over what the border leaves") {
  SUBCASE("a maximum of the input") {
    OnnxBuilder b({1, 2, 6, 5});
    set(b.node("MaxPool", "p"), "kernel_shape", Dims{2, 2});
    finish(b, 40);
    CHECK(agrees(b).layers.size() == 2);
  }
  SUBCASE("ReLU after an average; a maximum after an average") {
    auto b = to_three_channels();
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
          auto b = to_three_channels();
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
    auto b = to_three_channels();
    b.node("Relu", "r");
    b.integers("pads", {0, 0, 1, 1, 0, 0, 0, 1});
    b.node("Pad", "pad", {"pads"});
    set(b.node("MaxPool", "m"), "kernel_shape", Dims{2, 2});
    finish(b, 75);
    CHECK(agrees(b).layers.size() == 2);
    auto c = to_three_channels(18);
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

TEST_CASE("AveragePool counts its padding as zeros, a Pad before it does the same") {
  for (const bool by_pad : {false, true}) {
    auto b = to_three_channels();
    b.node("Relu", "r");
    if (by_pad) {
      b.integers("pads", {0, 0, 1, 0, 0, 0, 1, 1});
      b.node("Pad", "pad", {"pads"});
    }
    auto& pool = b.node("AveragePool", "p");
    set(pool, "kernel_shape", Dims{3, 2});
    set(pool, "strides", Dims{3, 2});
    if (!by_pad) {
      set(pool, "pads", Dims{1, 0, 1, 1});
      set(pool, "count_include_pad", std::int64_t{1});
    }
    finish(b, 12);
    CHECK(agrees(b).layers[0].average_pools == std::vector{tensor::Window{3, 2, 3, 2, 1, 0, 1, 1}});
  }
}

TEST_CASE("padding that no window of a maximum reads is left out, windows of one element are no pool") {
  auto b = to_three_channels();
  b.node("Relu", "r");
  b.integers("pads", {0, 0, 0, 0, 0, 0, 4, 4});
  b.node("Pad", "pad", {"pads"});
  auto& pool = b.node("MaxPool", "m");
  set(pool, "kernel_shape", Dims{2, 2});
  set(pool, "strides", Dims{3, 4});
  b.node("Flatten", "f");
  agrees(b);

  auto c = to_three_channels();
  for (int i = 0; i < 20; ++i)
    set(c.node(i % 2 == 0 ? "MaxPool" : "AveragePool", std::string("p").append(std::to_string(i))), "kernel_shape",
        Dims{1, 1});
  finish(c, 60);
  CHECK(agrees(c).layers.size() == 2);
  // As many pools as a layer takes, and a layer for those behind them.
  auto d = to_three_channels();
  for (int i = 0; i < 10; ++i) {
    auto& p = d.node("MaxPool", std::string("p").append(std::to_string(i)));
    set(p, "kernel_shape", Dims{2, 2});
    set(p, "pads", Dims{1, 1, 0, 0});
  }
  finish(d, 60);
  CHECK(agrees(d).layers.size() == 3);
}

TEST_CASE("pools that make no sense are refused in clear words") {
  SUBCASE("a window larger than its map") {
    auto b = with_conv();
    set(b.node("MaxPool", "p"), "kernel_shape", Dims{7, 7});
    refused(b, {"'p' (MaxPool)", "does not fit", "6×6"});
  }
  SUBCASE("a window wholly in the padding") {
    auto b = with_conv();
    auto& p = b.node("MaxPool", "p");
    set(p, "kernel_shape", Dims{2, 2});
    set(p, "pads", Dims{2, 2, 2, 2});
    refused(b, {"'p' (MaxPool)", "padding"});
  }
  SUBCASE("a size that runtimes read differently") {
    auto b = with_conv();
    auto& p = b.node("MaxPool", "p");
    set(p, "kernel_shape", Dims{3, 3});
    set(p, "strides", Dims{2, 2});
    set(p, "auto_pad", std::string("VALID"));
    set(p, "ceil_mode", std::int64_t{1});
    refused(b, {"'p' (MaxPool)", "auto_pad VALID and ceil_mode 1"});
  }
  SUBCASE("holes in a maximum") {
    auto b = with_conv();
    auto& p = b.node("MaxPool", "p");
    set(p, "kernel_shape", Dims{2, 2});
    set(p, "dilations", Dims{2, 2});
    refused(b, {"'p' (MaxPool)", "dilations"});
  }
  SUBCASE("a mean of the channels") {
    auto b = with_conv();
    set(b.node("ReduceMean", "m"), "axes", Dims{1});
    refused(b, {"'m' (ReduceMean)", "reduces the channels"});
  }
  SUBCASE("zeros among the channels, a border of ones, and a border taken away") {
    auto b = with_conv();
    b.integers("pads", {0, 1, 0, 0, 0, 0, 0, 0});
    b.node("Pad", "p", {"pads"});
    refused(b, {"'p' (Pad)", "height and width alone"});
    auto c = with_conv();
    c.integers("pads", {0, 0, 1, 1, 0, 0, 1, 1});
    c.reals("one", {}, {1});
    c.node("Pad", "p", {"pads", "one"});
    refused(c, {"'p' (Pad)", "with the value 1", "supported is the constant 0"});
    auto d = with_conv();
    d.integers("pads", {0, 0, -1, 0, 0, 0, 0, 0});
    d.node("Pad", "p", {"pads"});
    refused(d, {"'p' (Pad)", "supported are 0 to"});
  }
}
