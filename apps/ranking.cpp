#include "apps/ranking.h"

#include <algorithm>
#include <vector>

namespace blindsight::apps {

double area_under_roc(std::span<const double> positive, std::span<const double> negative) {
  std::vector<double> sorted(negative.begin(), negative.end());
  std::ranges::sort(sorted);
  double pairs = 0;
  for (const double score : positive) {
    const auto [lower, upper] = std::equal_range(sorted.begin(), sorted.end(), score);
    pairs += static_cast<double>(lower - sorted.begin()) + 0.5 * static_cast<double>(upper - lower);
  }
  return pairs / (static_cast<double>(positive.size()) * static_cast<double>(negative.size()));
}

}  // namespace blindsight::apps
