#include "model/passes/passes.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

Chain chain_of(std::vector<decltype(ChainNode::op)> ops) {
  Chain chain;
  for (auto& op : ops) chain.nodes.push_back({"", "", {}, std::move(op)});
  return chain;
}

/// A letter for each node: L, A for Affine, r, m and the window's height, a.
std::string letters(const Chain& chain) {
  std::string text;
  for (const auto& node : chain.nodes) {
    text += "LArma"[node.op.index()];
    if (const auto* pool = std::get_if<MaxPool>(&node.op)) text += std::to_string(pool->window.height);
  }
  return text;
}

}  // namespace

TEST_CASE("maxima go before the ReLUs of their run, in their order, and over nothing else") {
  const MaxPool two{{2, 2}}, three{{3, 3}};
  const auto ordered = [](Chain chain) {
    order_pools(chain);
    return letters(chain);
  };
  CHECK(ordered(chain_of({Linear{}, Relu{}, two, Relu{}, three, Linear{}, Relu{}, two})) == "Lm2m3rrLm2r");
  CHECK(ordered(chain_of({Relu{}, AveragePool{}, two, Relu{}, Affine{}, three})) == "ram2rAm3");
  CHECK(ordered(chain_of({Relu{}, Affine{}, two})) == "rAm2");
  CHECK(ordered({}).empty());
}

TEST_CASE("MaxPool after ReLU is put before it, whatever the size of the map") {
  OnnxBuilder b({1, 2, 25, 13});
  b.reals("w", {2, 2, 1, 1}, noise(4, 1));
  b.node("Conv", "c", {"w"});
  b.node("Relu", "r");
  auto& pool = b.node("MaxPool", "p");
  set(pool, "kernel_shape", Dims{2, 2});
  set(pool, "strides", Dims{2, 2});
  auto& second = b.node("MaxPool", "q");
  set(second, "kernel_shape", Dims{3, 3});
  set(second, "pads", Dims{1, 1, 1, 1});
  finish(b, 12 * 6 * 2);
  const auto network = agrees(b);
  CHECK(network.layers[0].max_pools.size() == 2);
  CHECK(network.layers[0].relu);
  CHECK(network.layers[0].relu_shape() == tensor::Shape{12, 6, 2});
}

TEST_CASE("very many activations and pools in a row are put in order at once") {
  auto b = with_conv();
  for (int i = 0; i < 8000; ++i) b.node("Relu", nth("r", i));
  for (int i = 0; i < 8000; ++i) {
    auto& p = b.node("MaxPool", nth("p", i));
    set(p, "kernel_shape", Dims{2, 2});
    set(p, "pads", Dims{1, 1, 0, 0});
  }
  b.node("GlobalAveragePool", "g");
  CHECK(b.import().has_value());
}
