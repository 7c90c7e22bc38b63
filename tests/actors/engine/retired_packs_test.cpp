#include "actors/engine/retired_packs.h"

#include <doctest/doctest.h>

using blindsight::actors::RetiredPacks;

TEST_CASE("packs before the first announced one are over, those after it are not until they are added") {
  RetiredPacks retired;
  retired.announced(5);
  retired.announced(6);
  CHECK(retired.contains(4));
  CHECK_FALSE(retired.contains(5));
  retired.add(6);
  CHECK(retired.contains(6));
  CHECK_FALSE(retired.contains(5));
  retired.add(5);
  CHECK(retired.contains(5));
  CHECK_FALSE(retired.contains(7));
}

TEST_CASE("packs that end nearly in order take no memory") {
  RetiredPacks retired;
  retired.announced(1);
  for (std::uint64_t pack = 1; pack < 1000; pack += 2) {
    retired.add(pack + 1);
    retired.add(pack);
    CHECK(retired.held() == 0);
  }
  CHECK(retired.contains(1000));
  CHECK_FALSE(retired.contains(1001));
}
