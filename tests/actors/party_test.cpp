#include "actors/party.h"

#include <doctest/doctest.h>

#include <cmath>
#include <future>
#include <set>

#include "protocol/core/text.h"
#include "tests/actors/support/three_parties.h"

using namespace blindsight;
using namespace blindsight::test;

TEST_CASE("three parties answer a query") {
  ThreeParties three;
  three.start_all();
  three.deploy(5);
  auto report = three.query(5, 1);
  if (!report) FAIL(report.error().what);
  // Input: 48 words each way. Three layers of four bands: a word and twelve words. The last layer sends to the client
  // alone.
  CHECK(report->server0_to_server1() == 48 * 4 + 3 * 4 * (1 + 12) * 4);
  CHECK(report->server1_to_server0() == report->server0_to_server1());
  CHECK(report->rounds() == 1 + 3 * 2);
  CHECK(report->client_bytes() == 2 * (48 + 5) * 4);
  CHECK(report->producer_to(0) == (1 + 3 * 4 + 1) * 4);
  CHECK(report->online_s() > 0);
  CHECK(report->offline_s() > 0);
  REQUIRE(report->servers[0].layers.size() == 5);
  CHECK(report->servers[0].layers[2].name == "second");
  check_no_mask_twice();
}

TEST_CASE("a query that asks for a timeline gets every layer's intervals, and they add up to its report") {
  ThreeParties three;
  three.start_all();
  three.deploy(5);
  const auto report = three.query(5, 1, true);
  if (!report) FAIL(report.error().what);
  for (const auto& server : report->servers) {
    REQUIRE(server.layers.size() == 5);
    for (const auto& value : server.layers) {
      CAPTURE(value.name);
      double compute_us = 0, wait_us = 0;
      std::uint64_t sent_bytes = 0;
      for (const auto& i : value.intervals) {
        using enum wire::Interval::Kind;
        if (i.kind == compute) compute_us += i.end_us - i.begin_us;
        if (i.kind == wait) wait_us += i.end_us - i.begin_us;
        CHECK((i.bytes > 0) == (i.kind == send));
        sent_bytes += i.bytes;
        CHECK(i.end_us <= server.online_s * 1e6);
      }
      // Both ends of an interval are rounded down, and of the shortest none is kept.
      const auto most = 3 * static_cast<double>(value.intervals.size() + 1);
      CHECK(std::abs(compute_us - value.compute_s * 1e6) <= most);
      CHECK(std::abs(wait_us - value.wait_s * 1e6) <= most);
      CHECK(sent_bytes == value.sent_bytes);
    }
    CHECK(server.layers[2].intervals.size() > 4);
  }
  const auto without = three.query(5, 2);
  if (!without) FAIL(without.error().what);
  for (const auto& value : without->servers[0].layers) CHECK(value.intervals.empty());
}

TEST_CASE("servers that take few queries at once answer all that a client asks at once, whichever takes fewer") {
  for (const std::size_t few : {0u, 1u}) {
    ThreeParties three([few](config::PartyConfig& c) { c.limits.max_queries = c.role == config::Role(few) ? 1 : 8; });
    three.start_all();
    three.deploy(7);
    auto client = three.client();
    auto model = client::Model::make({&fake_protocol, {}}, fake_plan(7));
    REQUIRE(model);
    std::vector<client::Query> queries;
    for (std::uint32_t i = 0; i < 10; ++i) queries.push_back(client.submit(*model, fake_input((*model)->plan(), i)));
    for (std::uint32_t i = 0; i < 10; ++i) {
      const auto& answer = queries[i].get();
      if (!answer) FAIL(answer.error().what);
      CHECK(answer->outputs == fake_output((*model)->plan(), 7, fake_input((*model)->plan(), i)));
    }
  }
  check_no_mask_twice();
}

TEST_CASE("many queries at once are all answered rightly, with a pack each") {
  ThreeParties three;
  three.start_all();
  three.deploy(7);
  std::vector<std::future<protocol::Result<wire::QueryReport>>> answers;
  for (std::uint32_t i = 0; i < 6; ++i)
    answers.push_back(std::async(std::launch::async, [&three, i] { return three.query(7, 100 + i); }));
  std::set<std::uint64_t> packs;
  for (auto& a : answers) {
    const auto report = a.get();
    if (!report) FAIL(report.error().what);
    CHECK(report->servers[0].pack == report->servers[1].pack);
    packs.insert(report->servers[0].pack);
  }
  CHECK(packs.size() == answers.size());
  check_no_mask_twice();
}

TEST_CASE("with depth 0 a pack is dealt when a query comes") {
  ThreeParties three([](config::PartyConfig& c) { c.preprocessing.depth = 0; });
  three.start_all();
  three.deploy(2);
  CHECK(three.client().status(config::Role::server0)->packs_ready == 0);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto report = three.query(2, i);
    if (!report) FAIL(report.error().what);
    CHECK(report->servers[0].pack == i + 1);
    CHECK(three.client().status(config::Role::server0)->packs_ready == 0);
  }
}

TEST_CASE("first come, first served works as well as priorities") {
  ThreeParties three([](config::PartyConfig& c) { c.priorities.enabled = false; });
  three.start_all();
  three.deploy(2);
  const auto report = three.query(2, 1);
  if (!report) FAIL(report.error().what);
}

TEST_CASE(
    "a deployment outlives its processes, another replaces it, and a plan that is not deployed is refused with both "
    "digests") {
  ThreeParties three;
  three.start_all();
  const auto none = three.query(1, 1);
  REQUIRE_FALSE(none);
  CHECK(none.error().fault == protocol::Fault::not_serving);
  CHECK_FALSE(none.error().retry_after_ms);
  three.deploy(1);
  for (const std::size_t i : {0u, 1u, 2u}) three.stop(i);
  three.start_all();
  three.wait_until_serving(1);
  REQUIRE(three.query(1, 1));

  const auto other = three.query(2, 1);
  REQUIRE_FALSE(other);
  CHECK(other.error().fault == protocol::Fault::stale_plan);
  CHECK(contains(other.error().what, protocol::to_hex(model::digest(fake_plan(1)))));
  CHECK(contains(other.error().what, protocol::to_hex(model::digest(fake_plan(2)))));

  three.deploy(2);
  REQUIRE(three.query(2, 1));
  const auto plan = three.client().deployed_plan();
  REQUIRE(plan);
  CHECK(plan->model_name == "fake-2");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(three.neighbourhood().parties[0].data_dir)) {
    const auto open_to_others =
        entry.status().permissions() & (std::filesystem::perms::group_all | std::filesystem::perms::others_all);
    if (entry.is_regular_file()) CHECK(open_to_others == std::filesystem::perms::none);
  }
}

TEST_CASE("a query that its client gives up ends at both servers, and others of the same connection go on") {
  ThreeParties three;
  three.start_all();
  three.deploy(4);
  auto client = three.client();
  auto model = client::Model::make({&fake_protocol, {}}, fake_plan(4));
  REQUIRE(model);
  const auto input = fake_input((*model)->plan(), 1);
  fake_hooks().stall_value = 1;
  const auto given_up = client.submit(*model, input);
  const auto in_flight = [&](config::Role role, std::uint64_t queries) {
    for (int i = 0; i < 2000; ++i) {
      if (client.status(role)->queries_in_flight == queries) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  };
  for (const auto role : {config::Role::server0, config::Role::server1}) CHECK(in_flight(role, 1));
  given_up.cancel();
  REQUIRE_FALSE(given_up.get());
  CHECK(given_up.get().error().fault == protocol::Fault::refused);
  for (const auto role : {config::Role::server0, config::Role::server1}) CHECK(in_flight(role, 0));
  fake_hooks().stall_value = -1;
  const auto answer = client.predict(*model, input);
  if (!answer) FAIL(answer.error().what);
  CHECK(answer->outputs == fake_output((*model)->plan(), 4, input));
  CHECK(client.connections_to(config::Role::server0) == 1);
  check_no_mask_twice();
}

TEST_CASE("a message of the wrong length from a peer fails the query and names sender, layer and step") {
  ThreeParties three;
  three.start_all();
  three.deploy(6);
  fake_hooks().damage_value = 2;
  const auto failed = three.query(6, 1);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().fault == protocol::Fault::violation);
  CHECK(contains(failed.error().what, "layer second"));
  CHECK(contains(failed.error().what, "server1"));
  const auto next = three.query(6, 2);
  if (!next) FAIL(next.error().what);
  check_no_mask_twice();
}

TEST_CASE("more queries than the limit are refused as busy") {
  ThreeParties three([](config::PartyConfig& c) { c.limits.max_queries = 1; });
  three.start_all();
  three.deploy(8);
  std::promise<void> stalled;
  std::atomic<bool> once{false};
  fake_hooks().on_stalled = [&] {
    if (!once.exchange(true)) stalled.set_value();
  };
  fake_hooks().stall_value = 1;
  auto first = std::async(std::launch::async, [&] { return three.query(8, 1); });
  stalled.get_future().wait();
  const auto second = three.query(8, 2);
  REQUIRE_FALSE(second);
  CHECK(second.error().fault == protocol::Fault::busy);
  CHECK(second.error().retry_after_ms);
  three.stop(2);
  CHECK_FALSE(first.get());
  fake_hooks().stall_value = -1;
  fake_hooks().on_stalled = {};
}

TEST_CASE("a model whose packs do not fit is refused when it is deployed, and when a party starts with it") {
  ThreeParties three;
  three.start_all();
  three.deploy(3);
  three.stop(1);
  auto& config = three.neighbourhood().parties[1];
  config.preprocessing.memory_limit_mb = 0;  // a file cannot say so; the least model needs more
  auto registry = monitoring::Registry::null();
  const auto again = actors::Party::start(config, fake_protocol, registry);
  REQUIRE_FALSE(again);
  CHECK(again.error().fault == protocol::Fault::usage);
  CHECK(contains(again.error().what, "preprocessing.memory_limit_mb"));

  ThreeParties tight([](config::PartyConfig& c) { c.preprocessing.memory_limit_mb = 0; });
  tight.start_all();
  auto client = tight.client();
  const auto deployed = deploy_fake(client, 3);
  REQUIRE_FALSE(deployed);
  CHECK(deployed.error().fault == protocol::Fault::usage);
  CHECK(contains(deployed.error().what, "server0"));
  CHECK(contains(deployed.error().what, "preprocessing.memory_limit_mb"));
}

TEST_CASE("a party refuses what a person must mend") {
  ThreeParties three;
  auto config = three.neighbourhood().parties[0];
  auto registry = monitoring::Registry::null();
  three.start(0);
  SUBCASE("a port in use") {
    const auto again = actors::Party::start(config, fake_protocol, registry);
    REQUIRE_FALSE(again);
    CHECK(again.error().fault == protocol::Fault::usage);
  }
  SUBCASE("plaintext off the loopback interface") {
    config.insecure_plaintext_links = true;
    config.listen.clients = {"0.0.0.0", 0};
    const auto open = actors::Party::start(config, fake_protocol, registry);
    REQUIRE_FALSE(open);
    CHECK(open.error().fault == protocol::Fault::usage);
    CHECK(contains(open.error().what, "insecure_plaintext_links"));
  }
  SUBCASE("a data folder that is a file") {
    config.listen.parties->port = config.listen.clients.port = 0;
    config.data_dir = "/dev/null";
    const auto open = actors::Party::start(config, fake_protocol, registry);
    REQUIRE_FALSE(open);
    CHECK(open.error().fault == protocol::Fault::usage);
    CHECK(contains(open.error().what, "data_dir"));
  }
  SUBCASE("a client that asks the wrong address is told") {
    auto client_config = three.neighbourhood().client;
    client_config.server1 = client_config.server0;
    const auto status = client::Client(client_config).status(config::Role::server1);
    REQUIRE_FALSE(status);
    CHECK(status.error().fault == protocol::Fault::refused);
    CHECK(contains(status.error().what, "the key of server0"));
  }
  SUBCASE("a party that is not running is named") {
    const auto status = client::Client(three.neighbourhood().client).status(config::Role::crypto_producer);
    REQUIRE_FALSE(status);
    CHECK(contains(status.error().what, "crypto producer"));
    CHECK(status.error().fault == protocol::Fault::peer_lost);
  }
}

TEST_CASE("status says what a doctor asks") {
  ThreeParties three;
  three.start_all();
  three.deploy(5);
  const auto status = three.client().status(config::Role::crypto_producer);
  REQUIRE(status);
  CHECK(status->role == protocol::PartyId::producer);
  CHECK(status->choice == "fake");
  CHECK(status->in_session);
  CHECK(status->serving);
  CHECK(status->deployment == "fake-5");
  CHECK(status->plan_digest == protocol::to_hex(model::digest(fake_plan(5))));
  CHECK(status->cores > 0);
  CHECK(status->disk_free_bytes > 0);
  CHECK_FALSE(status->isa.empty());
}
