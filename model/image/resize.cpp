#include <algorithm>
#include <cmath>

#include "model/image/formats.h"

namespace blindsight::model {
namespace {

/// Source pixels [first, first + weights.size()) and their weights for one target pixel.
struct Tap {
  std::size_t first = 0;
  std::vector<double> weights;
};

std::vector<Tap> taps(std::size_t from, std::size_t to) {
  const double ratio = static_cast<double>(from) / static_cast<double>(to), reach = std::max(ratio, 1.0);
  std::vector<Tap> all(to);
  for (std::size_t i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * ratio;
    all[i].first = static_cast<std::size_t>(std::max(0.0, std::floor(center - reach + 0.5)));
    const auto end = static_cast<std::size_t>(std::min(static_cast<double>(from), std::floor(center + reach + 0.5)));
    double sum = 0;
    for (std::size_t p = all[i].first; p < end; ++p) {
      const double weight = std::max(0.0, 1 - std::abs((static_cast<double>(p) + 0.5 - center) / reach));
      all[i].weights.push_back(weight);
      sum += weight;
    }
    for (double& w : all[i].weights) w /= sum;
  }
  return all;
}

}  // namespace

std::vector<float> resize(const Pixels& from, std::size_t height, std::size_t width) {
  const std::size_t channels = from.size.channels, narrow = width * channels;
  const auto columns = taps(from.size.width, width), rows = taps(from.size.height, height);
  std::vector<float> out(height * narrow), line(narrow);
  // A row of the file at a time, narrowed and added to the rows that it reaches: those from `first` on, as far as their
  // taps begin above it.
  std::size_t first = 0;
  for (std::size_t y = 0; y < from.size.height; ++y) {
    while (first < height && rows[first].first + rows[first].weights.size() <= y) ++first;
    if (first == height || rows[first].first > y) continue;
    const std::uint8_t* source = from.samples.data() + y * from.size.row_elements();
    for (std::size_t x = 0; x < width; ++x)
      for (std::size_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (std::size_t k = 0; k < columns[x].weights.size(); ++k)
          sum += columns[x].weights[k] * source[(columns[x].first + k) * channels + c];
        line[x * channels + c] = static_cast<float>(sum);
      }
    for (std::size_t to = first; to < height && rows[to].first <= y; ++to) {
      const auto weight = static_cast<float>(rows[to].weights[y - rows[to].first]);
      for (std::size_t i = 0; i < narrow; ++i) out[to * narrow + i] += weight * line[i];
    }
  }
  return out;
}

}  // namespace blindsight::model
