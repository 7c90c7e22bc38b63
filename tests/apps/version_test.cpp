#include "apps/version.h"

#include <doctest/doctest.h>

#include "tests/apps/support/program.h"

using namespace blindsight;

TEST_CASE("the program says its version and the commit that it was built of") {
  CHECK_FALSE(apps::version().empty());
  CHECK_FALSE(apps::commit().empty());
  const auto outcome = tests::run({"--version"});
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "blindsight " + std::string(apps::version()) + " (" + std::string(apps::commit()) + ")\n");
}
