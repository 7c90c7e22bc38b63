#include "model/passes/passes.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

/// Two nodes on the way from the image to the output; a third, its constant and an input beside it.
Graph with_dead_ends() {
  Graph graph;
  graph.inputs = {{"image", {1, 4}, ""}, {"mask", {1}, ""}};
  graph.constants["w"] = {{4, 2}, std::vector<float>(8)};
  graph.constants["unread"] = {{1}, std::vector<float>(1)};
  graph.nodes = {{"m", "MatMul", {"image", "w"}, {"m.out"}, {}},
                 {"aside", "Weird", {"m.out", "mask", "unread"}, {"aside.out"}, {}},
                 {"r", "Clip", {"m.out", "", ""}, {"r.out", ""}, {}}};
  graph.output = "r.out";
  return graph;
}

void check_refused(Graph graph, const std::string& word) {
  const auto ok = drop_dead(graph);
  REQUIRE_FALSE(ok.has_value());
  CAPTURE(ok.error().what);
  CHECK(ok.error().what.find(word) != std::string::npos);
}

}  // namespace

TEST_CASE("what the output needs stays in its order, nodes, inputs and constants that nothing needs go") {
  Graph graph = with_dead_ends();
  REQUIRE(drop_dead(graph).has_value());
  REQUIRE(graph.nodes.size() == 2);
  CHECK(graph.nodes[0].name == "m");
  CHECK(graph.nodes[1].name == "r");
  REQUIRE(graph.inputs.size() == 1);
  CHECK(graph.inputs[0].name == "image");
  CHECK(graph.constants.count("w") == 1);
  CHECK(graph.constants.size() == 1);
}

TEST_CASE("a value that is defined twice, in whatever way, and an output that nothing makes are refused") {
  Graph graph = with_dead_ends();
  graph.output = "image";
  check_refused(graph, "'image' is made by no node");
  graph = with_dead_ends();
  graph.inputs[1].name = "image";
  check_refused(graph, "'image' is defined twice");
  graph = with_dead_ends();
  graph.constants["image"] = {};
  check_refused(graph, "'image' is defined twice");
  graph = with_dead_ends();
  graph.nodes[1].outputs = {"m.out"};
  check_refused(graph, "'aside' (Weird) makes 'm.out', which is defined already");
  graph.nodes[1].outputs = {"w"};
  check_refused(graph, "'aside' (Weird) makes 'w', which is defined already");
}

TEST_CASE("what nothing reads is in nobody's way, whatever it is") {
  auto b = with_conv();
  b.node("GlobalAveragePool", "g");
  b.node("Flatten", "f");
  b.aside("FancyNewThing", "dead", {b.value()});
  auto* input = b.model().mutable_graph()->add_input();
  input->set_name("mask");
  input->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::BOOL);
  CHECK(b.import().has_value());
}
