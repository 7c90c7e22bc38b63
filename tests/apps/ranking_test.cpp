#include "apps/ranking.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using blindsight::apps::area_under_roc;

namespace {

/// By its definition.
double of_all_pairs(const std::vector<double>& positive, const std::vector<double>& negative) {
  double right = 0;
  for (const double p : positive)
    for (const double n : negative) right += p > n ? 1 : p == n ? 0.5 : 0;
  return right / static_cast<double>(positive.size() * negative.size());
}

}  // namespace

TEST_CASE("the area is 1 when all are ranked rightly, 0 when none is, half for ties") {
  const std::vector<double> low = {1, 2, 3}, high = {4, 5};
  CHECK(area_under_roc(high, low) == 1);
  CHECK(area_under_roc(low, high) == 0);
  CHECK(area_under_roc(low, low) == 0.5);
  const std::vector<double> one = {7};
  CHECK(area_under_roc(one, one) == 0.5);
}

TEST_CASE("the area is the share of pairs that are ranked rightly, in whatever order the scores come") {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<double> positive(1 + random() % 20), negative(1 + random() % 20);
    for (auto* scores : {&positive, &negative})
      for (auto& score : *scores) score = static_cast<double>(random() % 10);  // many ties
    CHECK(area_under_roc(positive, negative) == doctest::Approx(of_all_pairs(positive, negative)));
  }
}
