#include "model/quantize/support.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "model/fault.h"
#include "protocol/core/numbers.h"
#include "protocol/core/text.h"

namespace blindsight::model {

using protocol::in_quotes;
using protocol::Result;

namespace {

/// A row of numbers has one position, whose colour is all that there is: no image of one colour.
bool of_one_colour(const Image& image, std::size_t channels) {
  if (image.values.size() == channels) return false;
  for (std::size_t i = channels; i < image.values.size(); ++i)
    if (image.values[i] != image.values[i % channels]) return false;
  return true;
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

std::vector<Growth> growth_of(const std::vector<LayerStatistics>& seen, const std::vector<std::string>& names,
                              const std::vector<std::size_t>& images) {
  std::vector<Growth> all;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    std::vector<double> values;
    values.reserve(images.size());
    for (const std::size_t n : images) values.push_back(seen[i].by_image[n]);
    const auto part = [&](std::size_t share) {
      return expected_largest(values, std::max<std::size_t>(1, values.size() / share));
    };
    all.push_back({names[i], part(4), part(2), part(1)});
  }
  return all;
}

Support support_of(const std::vector<Image>& images, std::size_t channels) {
  const auto less = [&](std::size_t a, std::size_t b) { return images[a].values < images[b].values; };
  std::set<std::size_t, decltype(less)> different(less), telling(less);
  for (std::size_t n = 0; n < images.size(); ++n) {
    different.insert(n);
    if (!of_one_colour(images[n], channels)) telling.insert(n);
  }
  const auto& counted = telling.empty() ? different : telling;
  Support support{images.size(), telling.size(), {counted.begin(), counted.end()}};
  std::sort(support.counted.begin(), support.counted.end());
  return support;
}

Result<void> check_support(const Support& support) {
  if (support.telling >= least_images) return {};
  const std::string what_to_do =
      ": ranges that rest on so little are left by ordinary images, whose answers are then " +
      std::string("wrong. Give ") + std::to_string(enough_images) + " or more typical images, " +
      std::to_string(least_images) + " at least, or say --accept-few-images";
  const std::string count = std::to_string(support.given) + (support.given == 1 ? " image" : " images");
  if (support.telling == support.given) return fail("calibration has " + count + what_to_do);
  return fail("calibration has " + count + ", of which " + std::to_string(support.telling) +
              " differ from the others and are not of one colour" + what_to_do);
}

std::vector<std::string> support_warnings(const Support& support, const std::vector<Growth>& growth) {
  std::vector<std::string> all;
  if (support.telling < enough_images)
    all.push_back("the ranges rest on " + telling_text(support.telling) + ": " + std::to_string(enough_images) +
                  " or more are better, or ordinary images may leave a range");
  if (support.telling != 0 && support.telling != support.given)
    all.push_back(std::to_string(support.given - support.telling) + " of the " + std::to_string(support.given) +
                  " calibration images are copies of others or of one colour: they count for nothing");
  const auto worst = std::max_element(growth.begin(), growth.end(), [](const Growth& a, const Growth& b) {
    return a.per_doubling() < b.per_doubling();
  });
  if (worst != growth.end() && worst->per_doubling() > settled_growth)
    all.push_back("the ranges are not settled: the largest value of layer " + in_quotes(worst->layer) + " grew by " +
                  protocol::percent(worst->per_doubling(), 0) + " with the last doubling of the images (settled is " +
                  protocol::percent(settled_growth, 0) +
                  " at most): calibrate on more images, or compile with more headroom bits");
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
