#include "monitoring/labels.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

using namespace blindsight::monitoring;

TEST_CASE("a lane and an outcome have the names that dashboards and alerts ask for") {
  CHECK(name(Lane::control) == "control");
  CHECK(name(Lane::online) == "online");
  CHECK(name(Lane::preprocessing) == "preprocessing");
  std::vector<std::string_view> names;
  std::ranges::transform(outcomes, std::back_inserter(names), [](Outcome outcome) { return name(outcome); });
  CHECK(names == std::vector<std::string_view>{"ok", "failed", "cancelled", "refused"});
}
