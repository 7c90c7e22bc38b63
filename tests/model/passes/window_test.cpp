#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

TEST_CASE("auto_pad puts the odd pixel after the map or before it") {
  // SAME: 3×4 outputs; rows cover (3-1)·2+4 = 8 of 6, columns (4-1)·2+4 = 10 of 7.
  struct Form {
    std::string how;
    tensor::Window window;
  };
  for (const auto& form : {Form{"SAME_UPPER", {4, 4, 2, 2, 1, 1, 1, 2}},
                           {"SAME_LOWER", {4, 4, 2, 2, 1, 2, 1, 1}},
                           {"VALID", {4, 4, 2, 2}}}) {
    CAPTURE(form.how);
    OnnxBuilder b({1, 1, 6, 7});
    b.reals("w", {2, 1, 4, 4}, noise(32, 1));
    auto& node = b.node("Conv", "c", {"w"});
    set(node, "auto_pad", form.how);
    set(node, "strides", Dims{2, 2});
    b.node("Flatten", "f");
    CHECK(agrees(b).layers[0].conv.window == form.window);
  }
}

TEST_CASE("auto_pad counts the zeros that a Pad has put around the map") {
  OnnxBuilder b({1, 1, 5, 5});
  b.integers("pads", {0, 0, 1, 0, 0, 0, 0, 0});
  b.node("Pad", "pad", {"pads"});
  b.reals("w", {1, 1, 3, 3}, noise(9, 1));
  auto& node = b.node("Conv", "c", {"w"});
  set(node, "auto_pad", std::string("SAME_UPPER"));
  set(node, "strides", Dims{2, 2});
  b.node("Flatten", "f");
  // Rows: three windows of 3 every second one of 1 + 5 cover 7, one more than there are. Columns: 7 of 5.
  CHECK(agrees(b).layers[0].conv.window == tensor::Window{3, 3, 2, 2, 1, 1, 1, 1});
}

TEST_CASE("a window of one element has no holes, and kernel_shape may be left to the weights") {
  OnnxBuilder b({1, 1, 6, 6});
  b.reals("w", {1, 1, 1, 3}, noise(3, 1));
  set(b.node("Conv", "c", {"w"}), "dilations", Dims{5, 2});
  b.node("Flatten", "f");
  CHECK(agrees(b).layers[0].conv.window == tensor::Window{1, 5});
}

TEST_CASE("what says no window of two dimensions is refused by its attribute") {
  const auto refused_with = [](const std::string& name, const auto& value, const std::vector<std::string>& words) {
    auto b = with_conv();
    set(b.node("Conv", "c", {"w"}), name, value);
    refused(b, words);
  };
  refused_with("kernel_shape", Dims{1}, {"'c' (Conv)", "kernel_shape has 1 numbers", "two-dimensional"});
  refused_with("kernel_shape", Dims{1, 2}, {"'c' (Conv)", "differs from its weights' shape"});
  refused_with("strides", Dims{0, 1}, {"'c' (Conv)", "strides 0×1 is out of range"});
  refused_with("strides", Dims{1, 65537}, {"'c' (Conv)", "strides 1×65537 is out of range"});
  refused_with("pads", Dims{0, 0, -1, 0}, {"'c' (Conv)", "pads 0×0×-1×0 is out of range"});
  refused_with("pads", Dims{0, 0}, {"'c' (Conv)", "pads has 2 numbers"});
  refused_with("auto_pad", std::string("SAME"), {"'c' (Conv)", "auto_pad 'SAME'", "SAME_UPPER"});
  auto b = with_conv();
  b.node("MaxPool", "p");
  refused(b, {"'p' (MaxPool)", "no kernel_shape"});
}
