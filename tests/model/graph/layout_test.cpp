#include "model/graph/layout.h"

#include <doctest/doctest.h>

using namespace blindsight::model;
using blindsight::tensor::Shape;

namespace {

const std::vector<Layout::Dimension> nchw{{}, {Axis::channel}, {Axis::row}, {Axis::column}};

/// Where each element of a map stands in the graph's tensor, in our order.
std::vector<std::size_t> places(const Layout& layout, const Shape& map) {
  std::vector<std::size_t> all(map.elements());
  const auto place = layout.place(map);
  for_each_element(map,
                   [&](std::size_t i, std::size_t y, std::size_t x, std::size_t c) { all[i] = place.at(y, x, c); });
  return all;
}

}  // namespace

TEST_CASE("a map of channels, rows, columns stands in its tensor as ONNX has it, and moves with a Transpose") {
  const Shape map{2, 3, 2};
  const Layout layout(nchw, map);
  CHECK(layout.sizes(map) == std::vector<std::int64_t>{1, 2, 2, 3});
  CHECK(places(layout, map) == std::vector<std::size_t>{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11});
  const Layout last = layout.transposed({0, 2, 3, 1});
  CHECK(last.is_nhwc());
  CHECK_FALSE(last.is_nchw());
  CHECK(places(last, map) == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(places(layout.flattened(1), map) == places(layout, map));
  CHECK(layout.flattened(1).is_row());
  CHECK_FALSE(layout.is_row());
}

TEST_CASE("a Reshape joins and splits whole axes and cuts none") {
  const Shape map{4, 6, 3};
  const Layout layout(nchw, map);
  const auto joined = layout.reshaped({1, 3, 24}, map);
  REQUIRE(joined);
  CHECK((*joined)[2] == Layout::Dimension{Axis::row, Axis::column});
  const auto back = joined->reshaped({3, 1, 4, 6, 1}, map);
  REQUIRE(back);
  CHECK(back->sizes(map) == std::vector<std::int64_t>{3, 1, 4, 6, 1});
  CHECK_FALSE(layout.reshaped({1, 6, 12}, map));
  CHECK_FALSE(layout.reshaped({1, 3, 4, 5}, map));
}

TEST_CASE("axes of size 1 are in no dimension, so what renames them changes nothing") {
  const Shape map{1, 1, 5};
  const Layout layout(nchw, map);
  CHECK(layout.order() == Layout::Dimension{Axis::channel});
  CHECK(layout.without(3).without(2).is_row());
  CHECK(layout.without(3).without(2).with_unit(2).with_unit(2).is_nchw());
  CHECK(Layout(nchw, {3, 3, 5}).of({1, 3, 5}).sizes({1, 3, 5}) == std::vector<std::int64_t>{1, 5, 1, 3});
}
