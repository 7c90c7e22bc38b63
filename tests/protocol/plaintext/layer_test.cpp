#include "protocol/plaintext/layer.h"

#include <doctest/doctest.h>

#include "tests/protocol/support/networks.h"

namespace blindsight::protocol::plaintext {
namespace {

/// Hands a 2x4 map on, times 3 and plus 1, with one fraction bit.
struct Tripled {
  LayerSpec layer = testing::layer("tripled", {2, 4, 1}, 1, {});
  LayerWeights weights{{3}, {1}};

  Tripled() { layer.fraction_bits = 1; }
  Values operator()(const Values& x, Relu which = Relu::exact) const {
    return evaluate(layer, prepare(layer, weights), x, which);
  }
};

const Values x{-1, 2, -4, 1,  //
               3,  0, -2, -3};

TEST_CASE("a layer truncates to the floor, and only then takes the positive part") {
  Tripled t;
  CHECK(t(x) == Values{0, 3, 0, 2, 5, 0, 0, 0});
  t.layer.relu = false;
  CHECK(t(x) == Values{-1, 3, -6, 2, 5, 0, -3, -4});  // 3x + 1 halved, -2.5 and the like downwards
}

TEST_CASE("max pools come before ReLU, average pools after it and as sums") {
  Tripled t;
  t.layer.relu = false;
  t.layer.max_pools = {testing::pool2};
  CHECK(t(x) == Values{5, 2});
  t.layer.max_pools = {{1, 2, 1, 2}};
  CHECK(t(x) == Values{3, 2, 5, -3});
  t.layer.average_pools = {{2, 1, 1, 1}};
  CHECK(t(x) == Values{8, -1});
  t.layer.relu = true;
  CHECK(t(x) == Values{8, 2});
  t.layer.max_pools = {{1, 2, 1, 2}, {1, 2, 1, 1}};  // one after the other
  CHECK(t(x) == Values{8});
}

TEST_CASE("the polynomial takes ReLU's place where it is asked for, and only in a layer with ReLU") {
  Tripled t;
  t.layer.activation_bits = 1;
  t.layer.relu_fit = {.even = {0, 0.5}, .worst = 0, .rms = 0};  // (t^2 + t) / 2, twice: x (x + 2) / 4
  CHECK(t({1, -2, 3, 5, 0, 0, 0, 0}, Relu::polynomial) == Values{2, 1, 9, 20, 0, 0, 0, 0});
  t.layer.relu = false;
  CHECK(t({1, -2, 3, 5, 0, 0, 0, 0}, Relu::polynomial) == Values{2, -3, 5, 8, 0, 0, 0, 0});
}

}  // namespace
}  // namespace blindsight::protocol::plaintext
