#include "model/passes/passes.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

/// An image of 2×6×6 that one ReLU reads.
Graph one_node() {
  Graph graph;
  graph.inputs = {{"image", {1, 2, 6, 6}, ""}};
  graph.nodes = {{"r", "Relu", {"image"}, {"r.out"}, {}}};
  graph.output = "r.out";
  return graph;
}

void check_refused(Graph graph, const std::string& word) {
  const auto ok = check_well_formed(graph);
  REQUIRE_FALSE(ok.has_value());
  CAPTURE(ok.error().what);
  CHECK(ok.error().what.find(word) != std::string::npos);
}

}  // namespace

TEST_CASE("the one input of a graph is its image") {
  Graph graph = one_node();
  REQUIRE(check_well_formed(graph).has_value());
  CHECK(graph.input == "image");
  CHECK(graph.input_dims == Dims{1, 2, 6, 6});
}

TEST_CASE("no input, several, and one that cannot be an image are refused") {
  Graph graph = one_node();
  graph.inputs.push_back({"mask", {1}, ""});
  check_refused(graph, "several inputs ('image', 'mask')");
  graph.inputs = {{"image", {}, "has no shape"}};
  check_refused(graph, "'image' has no shape");
  graph.inputs.clear();
  graph.constants["image"] = {{1}, std::vector<float>{1}};
  check_refused(graph, "no input");
}

TEST_CASE("a node without an output, and one that reads what comes after it, are refused") {
  Graph graph = one_node();
  graph.nodes.insert(graph.nodes.begin(), {"early", "Relu", {"r.out"}, {"early.out"}, {}});
  check_refused(graph, "'early' (Relu) reads 'r.out', which no node before it makes");
  graph = one_node();
  graph.nodes[0].outputs.clear();
  check_refused(graph, "has no output");
  graph.nodes[0].outputs = {""};
  check_refused(graph, "has no output");
}

TEST_CASE("the shape of a value depends on no image: it may stand beside one") {
  Graph graph = one_node();
  graph.nodes.push_back({"s", "Shape", {"r.out"}, {"s.out"}, {}});
  graph.nodes.push_back({"v", "Reshape", {"r.out", "s.out"}, {"v.out"}, {}});
  CHECK(check_well_formed(graph).has_value());
  graph.nodes[1].op = "Relu";
  check_refused(graph, "'v' (Reshape) joins two values that depend on the image ('r.out' and 's.out')");
}

TEST_CASE("an operator that is not supported is refused with its node, its name and what is supported") {
  auto b = with_conv();
  b.node("HardSwish", "squash");
  refused(b, {"test.onnx", "'squash'", "HardSwish", "supported are Conv, BatchNormalization"});
}

TEST_CASE("all that is not supported is told at once, by operator, with counts") {
  auto b = with_conv();
  for (const auto* name : {"one", "two", "three"}) b.node("HardSwish", name);
  const std::string before = b.value();
  b.reals("v", {2, 1, 1, 1}, {1, 1});
  set(b.node("Conv", "deep", {"v"}), "group", std::int64_t{2});
  b.node("Add", "join", {before});
  b.node("Erf", "last");
  refused(b, {"'one' (HardSwish)", "3 nodes like it", "Conv in groups (node 'deep' (Conv))",
              "Add of several maps (node 'join' (Add))", "Erf (node 'last' (Erf))"});
}

TEST_CASE("a residual connection is refused") {
  auto b = with_conv();
  const std::string before = b.value();
  b.node("Relu", "r");
  b.node("Add", "join", {before});
  refused(b, {"'join' (Add)", "residual", "one chain"});
}

TEST_CASE("a convolution in groups is refused") {
  auto b = with_conv();
  b.reals("v", {2, 1, 1, 1}, {1, 1});
  set(b.node("Conv", "deep", {"v"}), "group", std::int64_t{2});
  refused(b, {"'deep' (Conv)", "group 2", "supported is 1"});
}

TEST_CASE("of very many kinds that are not supported the first are told") {
  auto b = with_conv();
  for (int i = 0; i < 15000; ++i) b.node(nth("Kind", i), nth("n", i));
  refused(b, {"Kind0", "kinds more"});
}
