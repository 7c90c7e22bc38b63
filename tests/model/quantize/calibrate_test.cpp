#include "model/quantize/calibrate.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

using namespace blindsight;
using namespace blindsight::model;

namespace {

/// Two numbers to two, then two to one.
FloatNetwork two_layers() {
  FloatNetwork network;
  network.input = {1, 1, 2};
  network.layers.resize(2);
  auto& first = network.layers[0];
  first.name = "first";
  first.conv = {{1, 1, 2}, 2, {}};
  first.filter = {1, -1, 2, 0};  // a + 2b, -a
  first.bias = {0, 0.5F};
  first.relu = true;
  auto& last = network.layers[1];
  last.name = "last";
  last.conv = {{1, 1, 2}, 1, {}};
  last.filter = {1, 10};
  last.bias = {0};
  return network;
}

Image image_of(const std::string& name, std::vector<float> values) {
  return {name, std::move(values), 1, 2, {}};
}

protocol::Result<std::vector<LayerStatistics>> run(const std::vector<Image>& images) {
  return calibrate(two_layers(), images, nullptr);
}

}  // namespace

TEST_CASE("each layer's largest linear result is kept, of each image and of all, bias included and signs left out") {
  // first: 3, -0.5 and -7, 1.5; last: 3 and 15.
  const auto seen = run({image_of("a", {1, 1}), image_of("b", {-1, -3})});
  REQUIRE(seen.has_value());
  REQUIRE(seen->size() == 2);
  CHECK((*seen)[0].by_image == std::vector<double>{3, 7});
  CHECK((*seen)[0].largest == 7);
  CHECK((*seen)[1].by_image == std::vector<double>{3, 15});
  CHECK((*seen)[1].largest == 15);
}

TEST_CASE("the mean square of what a layer reads is over its elements and all images") {
  const auto seen = run({image_of("a", {1, 1}), image_of("b", {-1, -3})});
  REQUIRE(seen.has_value());
  CHECK((*seen)[0].input_mean_square == doctest::Approx((1 + 5) / 2.0));
  // After ReLU: 3, 0 and 0, 1.5.
  CHECK((*seen)[1].input_mean_square == doctest::Approx((9 / 2.0 + 2.25 / 2) / 2));
}

TEST_CASE("moments are of what ReLU reads, before it, of all images") {
  const auto seen = run({image_of("a", {1, 1}), image_of("b", {-1, -3})});
  REQUIRE(seen.has_value());
  const auto moments = (*seen)[0].before_relu.about(1);
  CHECK(moments[0] == doctest::Approx(1));
  CHECK(moments[1] == doctest::Approx((3 + 0.5 + 7 + 1.5) / 4));
  CHECK(moments[2] == doctest::Approx((9 + 0.25 + 49 + 2.25) / 4));
}

TEST_CASE("progress is told after each image") {
  std::vector<std::pair<std::size_t, std::size_t>> told;
  REQUIRE(
      calibrate(two_layers(), {image_of("a", {1, 1}), image_of("b", {0, 0})}, [&](std::size_t done, std::size_t all) {
        told.emplace_back(done, all);
      }).has_value());
  CHECK(told == std::vector<std::pair<std::size_t, std::size_t>>{{1, 2}, {2, 2}});
}

TEST_CASE("no image, one of another size and one that gives no number are refused by name") {
  const auto refused = [](const std::vector<Image>& images, const std::vector<std::string>& words) {
    const auto seen = run(images);
    REQUIRE_FALSE(seen.has_value());
    CAPTURE(seen.error().what);
    for (const auto& word : words) CHECK(seen.error().what.find(word) != std::string::npos);
  };
  refused({}, {"at least one image"});
  refused({image_of("a", {1, 1}), image_of("odd", {1, 1, 1})}, {"'odd'", "3 values", "reads 2"});
  refused({image_of("a", {1, 1}), image_of("nan", {std::nanf(""), 0})}, {"'first'", "'nan'"});
  refused({image_of("huge", {3e38F, 3e38F})}, {"'first'", "'huge'"});
}
