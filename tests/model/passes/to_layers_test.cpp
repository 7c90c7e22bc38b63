#include "model/passes/passes.h"

#include <doctest/doctest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "model/plaintext/float_oracle.h"
#include "model/plan/plan.h"
#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

/// Three channels of a map of one element, handed through by a layer, then `rest`.
Chain chain_of(std::vector<decltype(ChainNode::op)> rest) {
  const tensor::Shape map{1, 1, 3};
  Chain chain;
  chain.name = "chain";
  chain.input = chain.output_map = map;
  chain.output_layout = {{{}, {Axis::channel}}, map};
  chain.post = PostOperation::sigmoid;
  chain.most_made = 1 << 20;
  chain.nodes.push_back({"node 'l'", "l", map, hand_through(map)});
  for (auto& op : rest) chain.nodes.push_back({"node 'x'", "x", map, std::move(op)});
  return chain;
}

FloatNetwork layers_of(std::vector<decltype(ChainNode::op)> rest) {
  auto network = to_layers(chain_of(std::move(rest)));
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  return *network;
}

const AveragePool average{{}};
const MaxPool maximum{{}};

}  // namespace

TEST_CASE("a layer is a convolution, maxima, a ReLU and averages, in that order alone") {
  const auto one = layers_of({maximum, Relu{}, average, hand_through({1, 1, 3})});
  REQUIRE(one.layers.size() == 2);
  CHECK(one.layers[0].max_pools.size() == 1);
  CHECK(one.layers[0].relu);
  CHECK(one.layers[0].average_pools.size() == 1);
  CHECK(one.name == "chain");
  CHECK(one.post == PostOperation::sigmoid);
  // What comes after an average gets a layer that hands the map through.
  const auto three = layers_of({average, Relu{}, hand_through({1, 1, 3})});
  REQUIRE(three.layers.size() == 3);
  CHECK(three.layers[1].relu);
  CHECK(three.layers[1].filter == std::vector<float>{1, 0, 0, 0, 1, 0, 0, 0, 1});
}

TEST_CASE("a ReLU after a ReLU is none, averages between or not") {
  const auto network = layers_of({Relu{}, average, Relu{}, hand_through({1, 1, 3})});
  CHECK(network.layers.size() == 2);
}

TEST_CASE("a layer takes so many pools of a kind, and a network so many layers") {
  for (const decltype(ChainNode::op)& pool : {decltype(ChainNode::op)(maximum), decltype(ChainNode::op)(average)}) {
    std::vector<decltype(ChainNode::op)> ops(most_pools, pool);
    ops.push_back(hand_through({1, 1, 3}));
    CHECK(layers_of(ops).layers.size() == 2);
    ops.insert(ops.begin(), pool);
    CHECK(layers_of(ops).layers.size() == 3);
  }
  std::vector<decltype(ChainNode::op)> ops(most_layers - 1, hand_through({1, 1, 3}));
  CHECK(layers_of(ops).layers.size() == most_layers);
  ops.push_back(ops.back());
  CHECK_FALSE(to_layers(chain_of(ops)).has_value());
}

TEST_CASE("a scale and shift at the end are the last layer's, which ends a network that ends otherwise") {
  const auto network = layers_of({Relu{}, Affine{{2, 3, 4}, {5, 6, 7}}});
  REQUIRE(network.layers.size() == 2);
  CHECK(network.layers[1].name == "output");
  CHECK(run_float(network, std::vector<float>{1, -1, 10}) == std::vector<float>{7, 6, 47});
}

TEST_CASE("a flattened map as output keeps ONNX's order") {
  OnnxBuilder b({1, 2, 2, 2});
  b.reals("w", {2, 2, 1, 1}, {1, 0, 0, 1});
  b.node("Conv", "c", {"w"});
  b.node("Flatten", "f");
  // Row, column, channel in; channel, row, column out.
  CHECK(run_float(imported(b), std::vector<float>{0, 4, 1, 5, 2, 6, 3, 7}) ==
        std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("networks without outputs for classes, without a layer, or with weights that are no numbers are refused") {
  SUBCASE("a map as output") {
    auto b = with_conv();
    refused(b, {"6×6", "one number per class"});
  }
  SUBCASE("weights that are no numbers") {
    auto b = with_conv();
    b.model().mutable_graph()->mutable_initializer(0)->set_float_data(1, std::nanf(""));
    b.node("GlobalAveragePool", "g");
    refused(b, {"'first'", "no finite number"});
  }
  SUBCASE("a layer that would only hand the map through") {
    OnnxBuilder b({1, 100000, 1, 1});
    b.node("Relu", "first");
    b.reals("w", {100000, 1}, std::vector<float>(100000, 1));
    b.node("Flatten", "f");
    b.node("MatMul", "m", {"w"});
    refused(b, {"'first' (Relu)", "100000 channels"});
  }
  SUBCASE("nothing that multiplies") {
    OnnxBuilder b({1, 4});
    b.node("Relu", "r");
    refused(b, {"no Conv, Gemm or MatMul"});
  }
}
