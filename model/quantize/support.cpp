#include "model/quantize/support.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "protocol/core/text.h"

namespace blindsight::model {

using protocol::fail;
using protocol::in_quotes;
using protocol::Result;

namespace {

bool of_one_colour(const Image& image, std::size_t channels) {
  for (std::size_t i = channels; i < image.values.size(); ++i)
    if (image.values[i] != image.values[i % channels]) return false;
  return true;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f %%", 100 * share);
  return text;
}

std::string telling_text(std::size_t telling) {
  if (telling == 0) return "images of one colour";
  return telling == 1 ? "one image" : std::to_string(telling) + " different images";
}

}  // namespace

double expected_largest(std::vector<double> values, std::size_t count) {
  std::sort(values.rbegin(), values.rend());
  const auto n = static_cast<double>(values.size()), k = static_cast<double>(count);
  // The j-th largest is the largest of the subset with probability C(n - j, k - 1) / C(n, k).
  double mean = 0, probability = k / n;
  for (std::size_t j = 1; j <= values.size() - count + 1; ++j) {
    mean += probability * values[j - 1];
    const double rest = n - static_cast<double>(j);
    if (rest > 0) probability *= (rest - k + 1) / rest;
  }
  return mean;
}

std::vector<Growth> growth_of(const std::vector<LayerStatistics>& seen, const std::vector<std::string>& names) {
  std::vector<Growth> all;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const auto& values = seen[i].by_image;
    const auto part = [&](std::size_t share) {
      return expected_largest(values, std::max<std::size_t>(1, values.size() / share));
    };
    all.push_back({names[i], part(4), part(2), part(1)});
  }
  return all;
}

std::size_t telling_images(const std::vector<Image>& images, std::size_t channels) {
  const auto less = [](const Image* a, const Image* b) { return a->values < b->values; };
  std::set<const Image*, decltype(less)> different(less);
  for (const Image& image : images)
    if (!of_one_colour(image, channels)) different.insert(&image);
  return different.size();
}

Result<void> check_support(const std::vector<Image>& images, std::size_t channels) {
  const std::size_t telling = telling_images(images, channels);
  if (telling >= least_images) return {};
  const std::string what_to_do =
      ": ranges that rest on so little are left by ordinary images, whose answers are then " +
      std::string("wrong. Give ") + std::to_string(enough_images) + " or more typical images, " +
      std::to_string(least_images) + " at least, or say --accept-few-images";
  const std::string count = std::to_string(images.size()) + (images.size() == 1 ? " image" : " images");
  if (telling == images.size()) return fail("calibration has " + count + what_to_do);
  return fail("calibration has " + count + ", of which " + std::to_string(telling) +
              " differ from the others and are not of one colour" + what_to_do);
}

std::vector<std::string> support_warnings(std::size_t telling, const std::vector<Growth>& growth) {
  std::vector<std::string> all;
  if (telling < enough_images)
    all.push_back("the ranges rest on " + telling_text(telling) + ": " + std::to_string(enough_images) +
                  " or more are better, or ordinary images may leave a range");
  const auto worst = std::max_element(growth.begin(), growth.end(), [](const Growth& a, const Growth& b) {
    return a.per_doubling() < b.per_doubling();
  });
  if (worst != growth.end() && worst->per_doubling() > settled_growth)
    all.push_back("the ranges are not settled: the largest value of layer " + in_quotes(worst->layer) + " grew by " +
                  percent(worst->per_doubling()) + " with the last doubling of the images (settled is " +
                  percent(settled_growth) + " at most): calibrate on more images, or compile with more headroom bits");
  return all;
}

double linear_bound(const FloatLayer& layer, double largest_input) {
  const std::size_t outputs = layer.conv.out_channels;
  std::vector<double> sums(outputs, 0);
  for (std::size_t i = 0; i < layer.filter.size(); ++i)
    sums[i % outputs] += std::abs(static_cast<double>(layer.filter[i]));
  double bound = 0;
  for (std::size_t i = 0; i < layer.bias.size(); ++i)
    bound = std::max(bound, sums[i % outputs] * largest_input + std::abs(static_cast<double>(layer.bias[i])));
  return bound;
}

}  // namespace blindsight::model
