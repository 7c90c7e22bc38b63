#include "protocol/core/layer_spec.h"

#include <doctest/doctest.h>

namespace blindsight::protocol {
namespace {

TEST_CASE("a layer's shapes: convolution, max pools, ReLU, average pools") {
  LayerSpec l;
  l.conv = {{20, 12, 3}, 5, {3, 3, 1, 1, 1, 1, 1, 1}};
  l.max_pools = {{2, 2, 2, 2}};
  l.average_pools = {{3, 3, 1, 1}, {2, 1, 2, 1}};
  CHECK(l.conv_out() == tensor::Shape{20, 12, 5});
  CHECK(l.relu_shape() == tensor::Shape{10, 6, 5});
  CHECK(l.out() == tensor::Shape{4, 4, 5});
  CHECK(l.window_elements() == 9 * 2);
  CHECK(l.bias_elements() == 5);
  l.bias_per_position = true;
  CHECK(l.bias_elements() == 20 * 12 * 5);
}

TEST_CASE("the range has fraction, activation and headroom bits, and a fit the degree of its last coefficient") {
  LayerSpec l;
  l.fraction_bits = 12, l.activation_bits = 9, l.headroom_bits = 2;
  CHECK(l.range_bits() == 23);
  CHECK(l.relu_fit.degree() == 0);
  l.relu_fit.even = {0.1, 0.2, 0.3};
  CHECK(l.relu_fit.degree() == 4);
}

}  // namespace
}  // namespace blindsight::protocol
