#include "model/passes/passes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

/// Two channels of 1×2; the rest of a chain that reads and makes them.
constexpr tensor::Shape map{1, 2, 2};

ChainNode node_of(const std::string& name, decltype(ChainNode::op) op) {
  return {"node '" + name + "'", name, map, std::move(op)};
}

Linear linear_of(std::vector<float> filter, std::vector<float> bias) {
  return {{map, 2, {}}, std::move(filter), std::move(bias), std::nullopt};
}

Chain folded(std::vector<ChainNode> nodes) {
  Chain chain;
  chain.nodes = std::move(nodes);
  chain.most_made = 1000;
  const auto ok = fold_affine(chain);
  REQUIRE_MESSAGE(ok.has_value(), (ok ? "" : ok.error().what));
  return chain;
}

}  // namespace

TEST_CASE("a scale and shift go back into the layer before: its weights by output, its bias as well") {
  const auto chain = folded({node_of("l", linear_of({1, 2, 3, 4}, {5, 6})), node_of("a", Affine{{10, 100}, {7, 8}})});
  REQUIRE(chain.nodes.size() == 1);
  const auto& linear = std::get<Linear>(chain.nodes[0].op);
  CHECK(linear.filter == std::vector<float>{10, 200, 30, 400});
  CHECK(linear.bias == std::vector<float>{57, 608});
  CHECK(chain.notes == std::vector<std::string>{"node 'a' folded into node 'l'"});
}

TEST_CASE("shifts of positions make a bias of positions") {
  const auto chain =
      folded({node_of("l", linear_of({1, 0, 0, 1}, {5, 6})), node_of("a", Affine{{2, 3, 2, 3}, {1, 2, 3, 4}})});
  REQUIRE(chain.nodes.size() == 1);
  CHECK(std::get<Linear>(chain.nodes[0].op).bias == std::vector<float>{11, 20, 13, 22});
}

TEST_CASE("with no layer before it goes on into the layer behind: its weights by input, the shift through them") {
  const auto chain = folded(
      {node_of("r", Relu{}), node_of("a", Affine{{10, 100}, {1, 2}}), node_of("l", linear_of({1, 2, 3, 4}, {5, 6}))});
  REQUIRE(chain.nodes.size() == 2);
  const auto& linear = std::get<Linear>(chain.nodes[1].op);
  CHECK(linear.filter == std::vector<float>{10, 20, 300, 400});
  CHECK(linear.bias == std::vector<float>{5 + 1 + 6, 6 + 2 + 8});
}

TEST_CASE("two in a row become one, one between ReLUs a layer, one at the end stays") {
  const auto chain =
      folded({node_of("r", Relu{}), node_of("a", Affine{{2, 3}, {1, 1}}), node_of("b", Affine{{10, 10}, {0, 5}}),
              node_of("s", Relu{}), node_of("c", Affine{{4, 4}, {0, 0}})});
  REQUIRE(chain.nodes.size() == 4);
  const auto& layer = std::get<Linear>(chain.nodes[1].op);
  CHECK(layer.filter == std::vector<float>{20, 0, 0, 30});
  CHECK(layer.bias == std::vector<float>{10, 15});
  CHECK(std::holds_alternative<Affine>(chain.nodes[3].op));
}

TEST_CASE("BatchNormalization and Add are folded into the layer before them") {
  auto b = to_three_channels();
  b.reals("add", {3, 1, 1}, {0.25F, -1, 3});
  b.node("Add", "a", {"add"});
  normalization(b, "n", 3);
  set(*b.model().mutable_graph()->mutable_node(2), "epsilon", 1e-3F);
  b.node("Relu", "r");
  b.node("GlobalAveragePool", "g");
  const auto network = agrees(b);
  // The network ends with an average pool, so a layer that hands the values through was put behind it.
  REQUIRE(network.layers.size() == 2);
  CHECK(network.layers[0].average_pools.size() == 1);
  CHECK(network.layers[1].name == "output");
}

TEST_CASE("a BatchNormalization folds forward where no layer is before it, over padding as a bias for each position") {
  SUBCASE("after a ReLU, before a fully connected layer") {
    auto b = to_three_channels();
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
    auto b = to_three_channels();
    b.node("Relu", "r");
    set(b.node("AveragePool", "p"), "kernel_shape", Dims{2, 2});
    normalization(b, "bn", 3);
    finish(b, 36);
    CHECK(agrees(b).layers.size() == 2);
  }
  SUBCASE("of a flattened map: each number by itself") {
    auto b = to_three_channels();
    b.node("Relu", "r");
    b.node("Flatten", "f");
    normalization(b, "bn", 60);
    b.reals("fc", {60, 4}, noise(240, 3));
    b.node("MatMul", "head", {"fc"});
    CHECK(agrees(b).layers.size() == 2);
  }
  SUBCASE("between two ReLUs it is a layer of its own") {
    auto b = to_three_channels();
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

TEST_CASE("factors of positions before a convolution are refused") {
  auto b = with_conv();
  auto& p = b.node("AveragePool", "p");
  set(p, "kernel_shape", Dims{2, 2});
  set(p, "pads", Dims{1, 1, 0, 0});
  b.node("Conv", "second", {"w"});
  refused(b, {"'p' (AveragePool)", "count_include_pad 0", "before a fully connected layer"});
}

TEST_CASE("shifts through a wide filter over a large map become a layer, not hours of sums") {
  OnnxBuilder b({1, 1, 4096, 4096});
  b.reals("one", {}, {1});
  b.node("Add", "shift", {"one"});
  b.reals("w", {1, 1, 2, 2}, noise(4, 1));
  auto& conv = b.node("Conv", "wide", {"w"});
  set(conv, "dilations", Dims{200, 200});
  set(conv, "pads", Dims{100, 100, 100, 100});
  set(conv, "strides", Dims{4, 4});
  b.node("GlobalAveragePool", "g");
  const auto network = b.import();
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  CHECK(network->layers.size() == 3);
}
