#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <tuple>

#include "tests/actors/support/three_parties.h"

using namespace blindsight;
using namespace blindsight::test;

TEST_CASE("a producer that helps online takes part in queries, and its bytes are told apart from dealt ones") {
  ThreeParties three(fake_helped_protocol);
  three.start_all();
  three.deploy(5);
  const auto before = fake_hooks().bands().size();
  const auto report = three.query(5, 1);
  if (!report) FAIL(report.error().what);
  // Three layers of four bands: a word from each server, twelve to each.
  for (const std::size_t server : {0u, 1u}) {
    CHECK(report->to_producer(server) == 3 * 4 * 4);
    CHECK(report->producer_online_to(server) == 3 * 4 * 12 * 4);
    CHECK(report->producer_to(server) == 0);
  }
  CHECK(report->server0_to_server1() == 48 * 4 + 3 * 4 * (1 + 12) * 4);
  CHECK(report->rounds() == 1 + 3 * 2);
  CHECK(report->servers[0].layers[2].from_producer_bytes == 4 * 12 * 4);

  // At most so many bands of the bounded value at once, in rising order, at all three.
  std::map<protocol::PartyId, std::vector<std::size_t>> order;
  std::map<protocol::PartyId, std::size_t> now, most;
  const auto bands = fake_hooks().bands();
  for (std::size_t i = before; i < bands.size(); ++i) {
    const auto& t = bands[i];
    if (t.value != 1) continue;
    if (t.begins) {
      order[t.party].push_back(t.band);
      most[t.party] = std::max(most[t.party], ++now[t.party]);
    } else {
      --now[t.party];
    }
  }
  REQUIRE(order.size() == 3);
  for (const auto& [party, begun] : order) {
    CAPTURE(protocol::name(party));
    CHECK(begun == std::vector<std::size_t>{0, 1, 2, 3});
    CHECK(most[party] <= fake_bands_at_once);
  }
  check_no_mask_twice();
}

TEST_CASE("many queries at once with a helping producer are all answered rightly, with a pack each") {
  for (const std::uint32_t depth : {0u, 2u}) {
    ThreeParties three([&](config::PartyConfig& c) { c.preprocessing.depth = depth; }, fake_helped_protocol);
    three.start_all();
    three.deploy(7);
    std::vector<std::future<protocol::Result<wire::QueryReport>>> answers;
    for (std::uint32_t i = 0; i < 6; ++i)
      answers.push_back(std::async(std::launch::async, [&three, i] { return three.query(7, 100 + i); }));
    std::set<std::uint64_t> packs;
    for (auto& a : answers) {
      const auto report = a.get();
      if (!report) FAIL(report.error().what);
      packs.insert(report->servers[0].pack);
    }
    CHECK(packs.size() == answers.size());
  }
  check_no_mask_twice();
}

TEST_CASE("a step that fails at the helping producer fails the query with its name, and the next one works") {
  ThreeParties three(fake_helped_protocol);
  three.start_all();
  three.deploy(6);
  fake_hooks().damage_helper_value = 2;
  const auto failed = three.query(6, 1);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().fault == protocol::Fault::violation);
  CHECK(contains(failed.error().what, "crypto producer"));
  CHECK(contains(failed.error().what, "layer second"));
  CHECK(contains(failed.error().what, "server1"));
  const auto next = three.query(6, 2);
  if (!next) FAIL(next.error().what);
  check_no_mask_twice();
}

TEST_CASE("a helping producer that does not end gives the query up by itself") {
  ThreeParties three(
      [](config::PartyConfig& c) {
        // Time must pass here: let no thread starve behind what else runs on the machine.
        c.priorities.enabled = false;
        if (c.role == config::Role::crypto_producer) c.query.timeout_ms = 4'000;
      },
      fake_helped_protocol);
  three.start_all();
  three.deploy(6);
  fake_hooks().stall_helper_value = 3;
  const auto failed = three.query(6, 1);
  fake_hooks().stall_helper_value = -1;
  REQUIRE_FALSE(failed);
  CHECK(contains(failed.error().what, "crypto producer"));
  CHECK(failed.error().fault == protocol::Fault::timed_out);
  const auto next = three.query(6, 2);
  if (!next) FAIL(next.error().what);
}

TEST_CASE("a query that fails at a server is dropped at the helping producer, too, whichever server it is") {
  ThreeParties three(
      [](config::PartyConfig& c) {
        c.priorities.enabled = false;  // as above
        if (c.role == config::Role::server0) c.query.timeout_ms = 4'000;
      },
      fake_helped_protocol);
  three.start_all();
  three.deploy(6);
  fake_hooks().damage_value = 2;
  REQUIRE_FALSE(three.query(6, 1));
  if (const auto after = three.query(6, 2); !after) FAIL(after.error().what);
  fake_hooks().stall_value = 1;
  const auto stalled = three.query(6, 3);
  fake_hooks().stall_value = -1;
  REQUIRE_FALSE(stalled);
  CHECK(stalled.error().fault == protocol::Fault::timed_out);
  const auto next = three.query(6, 4);
  if (!next) FAIL(next.error().what);
  check_no_mask_twice();
}

TEST_CASE("parties that deal differently are told at both ends, and status says how they deal") {
  ThreeParties three([](config::PartyConfig& c) { c.randomness = "sent"; }, fake_helped_protocol);
  three.start_all();
  three.deploy(9);
  const auto status = three.client().status(config::Role::server1);
  REQUIRE(status);
  CHECK(status->choice == "fake-helped/sent");
  three.stop(1);
  auto& config = three.neighbourhood().parties[1];
  const auto wait_for = [&](const std::string& text) {
    three.start(1);
    CHECK(says_while_not_serving(three.client(), config::Role::server1, text));
    three.stop(1);
  };
  config.triples = "fresh";
  wait_for("server0 runs protocol fake-helped/sent, server1 runs fake-helped/fresh/sent");
  config.triples = "reused";
  config.randomness = "seeded";
  wait_for("server0 runs protocol fake-helped/sent, server1 runs fake-helped; set the keys `protocol`, `triples` and");
  config.randomness = "sent";
  three.start(1);
  three.wait_until_serving(9);
  CHECK(three.query(9, 1));
}

TEST_CASE("a party whose protocol has no choice of dealing refuses to start with one, and names the keys") {
  ThreeParties three;
  auto config = three.neighbourhood().parties[0];
  config.triples = "fresh";
  auto registry = monitoring::Registry::null();
  const auto one = actors::Party::start(config, fake_protocol, registry);
  REQUIRE_FALSE(one);
  CHECK(one.error().fault == protocol::Fault::usage);
  CHECK(contains(one.error().what, "protocol fake"));
  CHECK(contains(one.error().what, "`triples` = \"fresh\""));
  CHECK_FALSE(contains(one.error().what, "randomness"));
  config.randomness = "sent";
  const auto both = actors::Party::start(config, fake_protocol, registry);
  REQUIRE_FALSE(both);
  CHECK(both.error().fault == protocol::Fault::usage);
  CHECK(contains(both.error().what, "`triples` = \"fresh\" and `randomness` = \"sent\""));
}
