#include "model/plaintext/float_oracle.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "tests/model/support/naive.h"
#include "tests/model/support/onnx_builder.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

using Pixels = std::vector<float>;

/// ONNX's order, [out][in][row][column], of a layer's filter.
Pixels onnx_order(const FloatLayer& layer) {
  const std::size_t out = layer.conv.out_channels, in = layer.conv.in.channels,
                    cells = layer.conv.window.height * layer.conv.window.width;
  Pixels weights(layer.filter.size());
  for (std::size_t k = 0; k < cells; ++k)
    for (std::size_t i = 0; i < in; ++i)
      for (std::size_t o = 0; o < out; ++o) weights[(o * in + i) * cells + k] = layer.filter[(k * in + i) * out + o];
  return weights;
}

Slide slide_of(const tensor::Window& w) {
  return {w.height, w.width, w.stride_y, w.stride_x, w.pad_top, w.pad_left, w.pad_bottom, w.pad_right};
}

/// Values of a map in our order, row, column, channel.
Pixels our_order(const Map& map) {
  Pixels values;
  for (std::size_t p = 0; p < map.height * map.width; ++p)
    for (std::size_t c = 0; c < map.channels; ++c)
      values.push_back(static_cast<float>(map.values[c * map.height * map.width + p]));
  return values;
}

FloatLayer layer_of(const tensor::Shape& in, std::size_t out, const tensor::Window& window) {
  FloatLayer layer;
  layer.conv = {in, out, window};
  layer.filter = noise(layer.conv.filter_elements(), 1);
  layer.bias = noise(out, 2);
  return layer;
}

/// One number times `weight` plus `bias`.
FloatLayer scaling(float weight, float bias, bool relu = false) {
  FloatLayer layer;
  layer.conv = {{1, 1, 1}, 1, {}};
  layer.filter = {weight};
  layer.bias = {bias};
  layer.relu = relu;
  return layer;
}

}  // namespace

TEST_CASE("a layer is its convolution, maxima, ReLU and averages by the loops, in that order") {
  // More positions than are gathered at a time, and windows that reach beyond the map on every side, some by one
  // element.
  auto layer = layer_of({23, 17, 3}, 5, {3, 4, 1, 2, 2, 1, 1, 3});
  layer.max_pools = {{3, 2, 2, 1, 0, 1, 2, 0}, {2, 2}};
  layer.relu = true;
  layer.average_pools = {{2, 3, 2, 1, 0, 1, 1, 2}, {2, 2, 1, 1, 1, 0}};
  const auto image = noise(23 * 17 * 3, 3);
  const auto trace = run_float_layer(layer, image);
  Map map = conv(from_image(image, 23, 17, 3), onnx_order(layer), 5, layer.bias, slide_of(layer.conv.window));
  CHECK(distance(trace.linear, our_order(map)) < 1e-5);
  for (const auto& w : layer.max_pools) map = max_pool(map, slide_of(w));
  CHECK(distance({trace.before_relu().begin(), trace.before_relu().end()}, our_order(map)) < 1e-5);
  map = relu(map);
  for (const auto& w : layer.average_pools) map = average_pool(map, slide_of(w));
  CHECK(distance(trace.output, our_order(map)) < 1e-5);
  CHECK(trace.output.size() == layer.out().elements());
}

TEST_CASE("a bias for each position is added where it stands") {
  auto layer = layer_of({12, 11, 2}, 3, {});
  layer.bias = noise(12 * 11 * 3, 4);
  REQUIRE(layer.bias_per_position());
  const auto image = noise(12 * 11 * 2, 5);
  auto expected = our_order(conv(from_image(image, 12, 11, 2), onnx_order(layer), 3, {0, 0, 0}, {1, 1}));
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += layer.bias[i];
  CHECK(distance(run_float_layer(layer, image).linear, expected) < 1e-5);
}

TEST_CASE("what ReLU reads is the linear result where nothing is pooled, and another function may stand in for it") {
  auto layer = scaling(2, 1, true);
  const auto trace = run_float_layer(layer, Pixels{-3});
  CHECK(trace.before_relu().data() == trace.linear.data());
  CHECK(trace.linear == Pixels{-5});
  CHECK(trace.output == Pixels{0});
  const auto squared = [](float x) { return x * x; };
  CHECK(run_float_layer(layer, Pixels{-3}, squared).output == Pixels{25});
  layer.relu = false;
  CHECK(run_float_layer(layer, Pixels{-3}, squared).output == Pixels{-5});
}

TEST_CASE("layers run one after another, each trace handed on before the next") {
  FloatNetwork network;
  network.input = {1, 1, 1};
  network.layers = {scaling(2, 1, true), scaling(-1, 0, true), scaling(3, 4)};
  std::vector<std::pair<std::size_t, float>> seen;
  const auto out = run_float(network, Pixels{5},
                             [&](std::size_t i, const FloatTrace& trace) { seen.emplace_back(i, trace.linear[0]); });
  CHECK(out == Pixels{4});
  CHECK(seen == std::vector<std::pair<std::size_t, float>>{{0, 11.0F}, {1, -11.0F}, {2, 4.0F}});
  CHECK(run_float(network, Pixels{5}) == out);
}
