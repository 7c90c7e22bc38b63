#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/passes/operators.h"
#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

TEST_CASE("Reshape's 0 keeps a size and its -1 takes what is left, sizes of other elements are refused") {
  Node node{"r", "Reshape", {}, {}, {}};
  const Dims now{2, 3, 4};
  CHECK(reshape_sizes(node, now, {4, 6}) == Dims{4, 6});
  CHECK(reshape_sizes(node, now, {0, -1}) == Dims{2, 12});
  CHECK(reshape_sizes(node, now, {-1, 0, 1}) == Dims{8, 3, 1});
  for (const Dims& wrong : {Dims{5, -1}, Dims{4, 5}, Dims{-1, -1}, Dims{-2, 12}, Dims{24, 1, 1, 0}, Dims{},
                            Dims{std::numeric_limits<std::int64_t>::max(), 2}}) {
    CAPTURE(wrong);
    const auto refusal = reshape_sizes(node, now, wrong);
    REQUIRE_FALSE(refusal);
    CHECK(refusal.error().what.find("'r' (Reshape)") != std::string::npos);
  }
  node.attributes["allowzero"] = std::int64_t{1};
  CHECK_FALSE(reshape_sizes(node, now, {0, -1}));
}

TEST_CASE("axes count from either end, rise, and come once") {
  const Node node{"s", "Squeeze", {}, {}, {}};
  CHECK(positive_axes(node, {-1, 0, 2}, 4) == std::vector<std::size_t>{0, 2, 3});
  CHECK_FALSE(positive_axes(node, {1, -3}, 4));
  CHECK_FALSE(positive_axes(node, {4}, 4));
  CHECK_FALSE(positive_axes(node, {-5}, 4));
  CHECK(check_rank(node, most_dimensions));
  CHECK_FALSE(check_rank(node, most_dimensions + 1));
}

TEST_CASE("a Transpose turns the axes round where it names none, and must name each once") {
  Node node{"t", "Transpose", {}, {}, {}};
  CHECK(permutation(node, 3) == Dims{2, 1, 0});
  node.attributes["perm"] = Dims{1, 0};
  CHECK(permutation(node, 2) == Dims{1, 0});
  CHECK_FALSE(permutation(node, 3));
  node.attributes["perm"] = Dims{1, 1};
  CHECK_FALSE(permutation(node, 2));
}

TEST_CASE("a Shape gives the sizes from start to end, both counted from either end") {
  const auto sizes_of = [](std::map<std::string, Attribute> attributes) {
    const auto shape = shape_constant({"s", "Shape", {}, {}, std::move(attributes)}, {7, 8, 9});
    REQUIRE(shape);
    auto values = std::get<std::vector<std::int64_t>>(shape->values);
    CHECK(shape->dims == Dims{static_cast<std::int64_t>(values.size())});
    return values;
  };
  CHECK(sizes_of({}) == Dims{7, 8, 9});
  CHECK(sizes_of({{"start", std::int64_t{1}}}) == Dims{8, 9});
  CHECK(sizes_of({{"start", std::int64_t{-2}}, {"end", std::int64_t{-1}}}) == Dims{8});
  CHECK(sizes_of({{"start", std::int64_t{2}}, {"end", std::int64_t{1}}}).empty());
  CHECK(sizes_of({{"end", std::int64_t{100}}}) == Dims{7, 8, 9});
}

TEST_CASE("the shapes of constants are changed as those of values are") {
  const Constant x{{1, 2, 3}, std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}}, axes{{1}, Dims{0}};
  const auto check = [](const protocol::Result<Constant>& got, const Dims& dims, const Dims& values) {
    REQUIRE(got);
    CHECK(got->dims == dims);
    CHECK(std::get<std::vector<std::int64_t>>(got->values) == values);
  };
  const Dims same{1, 2, 3, 4, 5, 6};
  check(constants::flatten({"f", "Flatten", {}, {}, {{"axis", std::int64_t{2}}}}, {&x}), {2, 3}, same);
  check(constants::squeeze({"s", "Squeeze", {}, {}, {}}, {&x}), {2, 3}, same);
  check(constants::squeeze({"s", "Squeeze", {}, {}, {}}, {&x, &axes}), {2, 3}, same);
  check(constants::unsqueeze({"u", "Unsqueeze", {}, {}, {{"axes", Dims{0, -1}}}}, {&x}), {1, 1, 2, 3, 1}, same);
  check(constants::transpose({"t", "Transpose", {}, {}, {{"perm", Dims{2, 0, 1}}}}, {&x}), {3, 1, 2},
        {1, 4, 2, 5, 3, 6});
  CHECK_FALSE(constants::squeeze({"s", "Squeeze", {}, {}, {{"axes", Dims{1}}}}, {&x}));
}

TEST_CASE("what PyTorch writes for view(x.size(0), -1) is a Reshape to known sizes") {
  for (const std::int64_t opset : {11, 18}) {
    auto b = to_three_channels(opset);
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
    auto b = to_three_channels(18);
    b.integers("row", {1, -1});
    set(b.node("Reshape", "r", {"row"}), "allowzero", std::int64_t{1});
    b.reals("fc", {60, 4}, noise(240, 3));
    b.node("MatMul", "head", {"fc"});
    agrees(b);
  }
  SUBCASE("axis 0") {
    auto b = to_three_channels();
    set(b.node("Flatten", "f"), "axis", std::int64_t{0});
    b.reals("fc", {60, 4}, noise(240, 3));
    b.node("MatMul", "head", {"fc"});
    agrees(b);
  }
  SUBCASE("a flat value as a map of one element, and back") {
    auto b = to_three_channels();
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
    auto b = to_three_channels();
    b.integers("map", {1, 60, 1, 1});
    b.node("Reshape", "up", {"map"});
    b.reals("v", {4, 60, 1, 1}, noise(240, 5));
    b.node("Conv", "head", {"v"});
    agrees(b);
  }
}

TEST_CASE("shapes that cut an axis, have none such, or too many dimensions are refused") {
  SUBCASE("a Reshape that cuts an axis apart") {
    auto b = with_conv();
    b.integers("shape", {1, 9, 8});
    b.node("Reshape", "r", {"shape"});
    refused(b, {"'r' (Reshape)", "cuts rows, columns or channels apart"});
  }
  SUBCASE("axis of Flatten") {
    auto b = with_conv();
    set(b.node("Flatten", "f"), "axis", std::int64_t{5});
    refused(b, {"'f' (Flatten)", "axis 5"});
  }
  SUBCASE("very many dimensions") {
    auto b = with_conv();
    b.integers("ones", Dims(1000, 1));
    b.reals("one", {}, {1});
    b.aside("Reshape", "wide", {"one", "ones"});
    b.node("Add", "a", {"wide.out"});
    refused(b, {"'wide' (Reshape)", "1000 dimensions; at most 16"});
  }
  SUBCASE("a dimension that is not one goes") {
    auto b = with_conv();
    b.integers("axes", {2});
    b.node("Squeeze", "s", {"axes"});
    refused(b, {"'s' (Squeeze)", "axis 2 of 1×2×6×6"});
  }
}
