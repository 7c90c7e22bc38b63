#include "model/quantize/support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "tests/model/support/onnx_builder.h"

using namespace blindsight;
using namespace blindsight::model;

namespace {

Image image_of(std::vector<float> values) {
  return {"image", std::move(values), 2, 2, {}};
}

/// All different.
std::vector<Image> different(std::size_t count) {
  std::vector<Image> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(image_of({static_cast<float>(i), 1, 2, 3}));
  return all;
}

/// By its definition: the mean over all subsets.
double by_subsets(const std::vector<double>& values, std::size_t count) {
  std::vector<bool> taken(values.size());
  std::fill_n(taken.begin(), count, true);
  double sum = 0, subsets = 0;
  do {
    double largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (taken[i]) largest = std::max(largest, values[i]);
    sum += largest;
    ++subsets;
  } while (std::prev_permutation(taken.begin(), taken.end()));
  return sum / subsets;
}

bool refused_with(const std::vector<Image>& images, std::size_t channels, const std::string& word) {
  const auto ok = check_support(support_of(images, channels));
  return !ok && ok.error().what.find(word) != std::string::npos &&
         ok.error().what.find("--accept-few-images") != std::string::npos;
}

}  // namespace

TEST_CASE("the expected largest of a part is the mean over all parts, whatever the order") {
  std::vector<double> values = {3, 1, 4, 1.5, 9, 2.6, 5};
  for (std::size_t k = 1; k <= values.size(); ++k)
    CHECK(expected_largest(values, k) == doctest::Approx(by_subsets(values, k)));
  const double before = expected_largest(values, 3);
  std::reverse(values.begin(), values.end());
  CHECK(expected_largest(values, 3) == before);
  CHECK(expected_largest({2}, 1) == 2);
  CHECK(expected_largest(values, 7) == 9);
  std::vector<double> many(1000);
  std::iota(many.begin(), many.end(), 1.0);
  CHECK(expected_largest(many, 500) == doctest::Approx(500.0 * 1001 / 501));
}

TEST_CASE("growth is told for each layer, from a quarter over half to all") {
  std::vector<LayerStatistics> seen(2);
  seen[0].by_image = {1, 1, 1, 1, 1, 1, 1, 1};
  seen[1].by_image = {1, 1, 1, 1, 1, 1, 1, 3};
  const auto growth = growth_of(seen, {"calm", "wild"}, {0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(growth[0].per_doubling() == doctest::Approx(0));
  CHECK(growth[1].quarter == doctest::Approx(1.5));
  CHECK(growth[1].half == doctest::Approx(2));
  CHECK(growth[1].all == 3);
  CHECK(growth[1].per_doubling() == doctest::Approx(0.5));
  seen[0].by_image = {2};
  CHECK(growth_of({seen[0]}, {"one"}, {0})[0].quarter == 2);
}

TEST_CASE("images count when they differ and show more than one colour") {
  auto images = different(5);
  CHECK(support_of(images, 1).telling == 5);
  images.insert(images.begin() + 2, images.front());
  images.push_back(image_of({0, 0, 0, 0}));
  const Support support = support_of(images, 1);
  CHECK(support.given == 7);
  CHECK(support.telling == 5);
  CHECK(support.counted == std::vector<std::size_t>{0, 1, 3, 4, 5});
  CHECK(support_of({image_of({1, 2, 1, 2})}, 2).telling == 0);
  CHECK(support_of({image_of({1, 2, 1, 2})}, 2).counted == std::vector<std::size_t>{0});
  CHECK(support_of({image_of({1, 2, 1, 2})}, 1).telling == 1);
  // A row of numbers has one position, so all of it is one "colour".
  CHECK(support_of({image_of({1, 2, 3, 4})}, 4).telling == 1);
}

TEST_CASE("copies neither make growth look settled nor stand in for images") {
  std::vector<LayerStatistics> seen(1);
  std::vector<Image> images;
  for (int copy = 0; copy < 10; ++copy)
    for (std::size_t i = 0; i < 32; ++i) {
      images.push_back(different(32)[i]);
      seen[0].by_image.push_back(i == 31 ? 10 : 1);
    }
  const Support support = support_of(images, 1);
  CHECK(support.counted.size() == 32);
  const auto growth = growth_of(seen, {"wild"}, support.counted);
  CHECK(growth[0].per_doubling() > 0.5);
  const auto warnings = support_warnings(support, growth);
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].find("288 of the 320") != std::string::npos);
}

TEST_CASE("too few images, copies, and frames of one colour are refused, eight that differ are not") {
  CHECK(check_support(support_of(different(8), 1)).has_value());
  CHECK(refused_with(different(7), 1, "7 images"));
  CHECK(refused_with(different(1), 1, "1 image:"));
  CHECK(refused_with({}, 1, "0 images"));
  CHECK(refused_with(std::vector<Image>(40, image_of({1, 2, 3, 4})), 1, "40 images, of which 1"));
  CHECK(refused_with(std::vector<Image>(40, image_of({0, 0, 0, 0})), 1, "40 images, of which 0"));
  std::vector<Image> frames;
  for (int i = 0; i < 40; ++i) frames.push_back(image_of(std::vector<float>(4, static_cast<float>(i))));
  CHECK(refused_with(frames, 1, "of which 0"));
}

TEST_CASE("warnings say what ranges rest on: under 32 images, and a layer that has not settled") {
  const Growth calm{"calm", 0.9, 0.95, 1}, wild{"wild", 0.5, 0.8, 1};
  CHECK(support_warnings({32, 32, {}}, {calm}).empty());
  const auto few = support_warnings({31, 31, {}}, {calm});
  REQUIRE(few.size() == 1);
  CHECK(few[0].find("31 different images") != std::string::npos);
  const auto growing = support_warnings({32, 32, {}}, {calm, wild});
  REQUIRE(growing.size() == 1);
  CHECK(growing[0].find("'wild' grew by 25 %") != std::string::npos);
  CHECK(support_warnings({31, 31, {}}, {wild}).size() == 2);
}

TEST_CASE("the bound of a layer holds for the inputs that reach it") {
  FloatLayer layer;
  layer.conv = {{1, 1, 2}, 2, {}};
  layer.filter = {1, -2, 3, 4};  // [in][out]
  layer.bias = {-5, 0.5F};
  CHECK(linear_bound(layer, 10) == doctest::Approx(60.5));
  CHECK(linear_bound(layer, 0) == 5);
}
