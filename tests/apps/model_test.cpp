#include <doctest/doctest.h>

#include "tests/apps/support/program.h"

using namespace blindsight::tests;

TEST_CASE("model has a command for every step from the trained model to the servers, and does nothing without one") {
  CHECK(run({"model"}).status == 2);
  CHECK(run({"model", "fly"}).status == 2);
  for (const char* command : {"inspect", "prune", "compile", "check", "deploy"})
    CHECK(run({"model", command, "--help"}).status == 0);
}
