#include "model/graph/graph.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace blindsight;
using namespace blindsight::model;

TEST_CASE("a node is spoken of by its name, or by its output where it has none") {
  Node node{"conv1", "Conv", {}, {"x", "y"}, {}};
  CHECK(describe(node) == "node 'conv1' (Conv)");
  node.name.clear();
  CHECK(describe(node) == "the node of output 'x' (Conv)");
  node.outputs.clear();
  CHECK(describe(node) == "the node of output '' (Conv)");
  node.name = "a\x1b[2J";
  CHECK(describe(node).find('\x1b') == std::string::npos);
}

TEST_CASE("a shape is spoken of by its sizes, a long one by its first") {
  CHECK(describe(std::vector<std::int64_t>{}) == "scalar");
  CHECK(describe(std::vector<std::int64_t>{5}) == "5");
  CHECK(describe(std::vector<std::int64_t>{1, 64, -1, 0}) == "1×64×-1×0");
  CHECK(describe(std::vector<std::int64_t>(8, 2)) == "2×2×2×2×2×2×2×2");
  CHECK(describe(std::vector<std::int64_t>(9, 2)) == "2×2×2×2×2×2×2×2×…");
}

TEST_CASE("a constant has as many elements as values, of whatever type") {
  CHECK(Constant{{2, 3}, std::vector<float>(6)}.elements() == 6);
  CHECK(Constant{{2}, std::vector<std::int32_t>(2)}.elements() == 2);
  CHECK(Constant{{0}, std::vector<std::int64_t>()}.elements() == 0);
}
