#include "actors/engine/pack_ledger.h"

#include <doctest/doctest.h>

using blindsight::actors::PackLedger;

TEST_CASE("a pack is spent once and only after it was prepared") {
  PackLedger ledger;
  ledger.want(2);
  CHECK(ledger.announce(7).empty());
  CHECK_FALSE(ledger.is_ready(7));
  ledger.prepared(7);
  CHECK(ledger.is_ready(7));
  CHECK(ledger.spend(7));
  CHECK_FALSE(ledger.spend(7));
  ledger.prepared(7);
  CHECK_FALSE(ledger.is_ready(7));
  CHECK_FALSE(ledger.spend(8));
}

TEST_CASE("packs come one by one, rising, and never unasked") {
  PackLedger ledger;
  CHECK_FALSE(ledger.announce(1).empty());
  ledger.want(3);
  CHECK_FALSE(ledger.announce(0).empty());
  CHECK(ledger.announce(5).empty());
  CHECK_FALSE(ledger.announce(5).empty());
  CHECK_FALSE(ledger.announce(4).empty());
  CHECK_FALSE(ledger.announce(7).empty());
  CHECK(ledger.announce(6).empty());
  CHECK(ledger.announce(7).empty());
  CHECK_FALSE(ledger.announce(8).empty());
}

TEST_CASE("what is outstanding is what was asked for and not spent") {
  PackLedger ledger;
  ledger.want(2);
  CHECK(ledger.outstanding() == 2);
  REQUIRE(ledger.announce(1).empty());
  ledger.prepared(1);
  REQUIRE(ledger.spend(1));
  CHECK(ledger.outstanding() == 1);
  // A pack may be burned while it is being prepared.
  REQUIRE(ledger.announce(2).empty());
  CHECK(ledger.spend(2));
  CHECK(ledger.outstanding() == 0);
}
