#include "actors/serve/front_end.h"

#include <doctest/doctest.h>

#include "actors/serve/messages.h"
#include "tests/actors/support/fake_protocol.h"
#include "tests/actors/support/stage.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/text.h"

using namespace blindsight;
using namespace blindsight::actors;
using namespace blindsight::test;
using monitoring::Outcome;
using protocol::Fault;
using protocol::PartyId;
using wire::Kind;

namespace {

constexpr std::uint32_t constant = 3;

wire::QueryId query(std::uint8_t number) {
  return {number};
}

/// A front end whose client, model store, scheduler and supervisor are roles.
struct FrontEnd {
  const PartyId role;

  explicit FrontEnd(PartyId party = PartyId::server0) : role(party) {
    config::PartyConfig config;
    config.preprocessing.depth = 6;
    config.insecure_plaintext_links = true;
    front_end = stage.keep(
        spawn_front_end(stage.system(), config, "fake", party, folder.path(), model_store.actor(), registry));
  }
  template <class Message>
  void tell(Message message) {
    stage.tell(front_end, std::move(message));
  }
  void client_says(Kind kind, protocol::Payload payload = {}) {
    tell(arrived(PartyId::client, kind, 0, std::move(payload), client.actor()));
  }
  wire::Predict half_of(std::uint8_t number, std::uint32_t plan_constant = constant) const {
    wire::Predict half;
    half.header.job = query(number);
    half.header.plan = model::digest(fake_plan(plan_constant));
    half.server = role;
    half.input_share = {1, 2};
    half.timeline = true;
    return half;
  }
  void predict(const wire::Predict& half, std::shared_ptr<const wire::Identity> who = nullptr) {
    auto message = arrived(PartyId::client, Kind::predict, 0, wire::encode(half), client.actor());
    message.client = std::move(who);
    tell(std::move(message));
  }
  void predict(std::uint8_t number, std::uint32_t plan_constant = constant) { predict(half_of(number, plan_constant)); }
  void deploy() {
    auto deployment = std::make_shared<Deployment>();
    deployment->plan = fake_plan(constant);
    deployment->name.plan = model::digest(deployment->plan);
    deployment->plan_bytes = {4, 5, 6};
    tell(Deployed{deployment});
  }
  void serve() {
    deploy();
    tell(Serving{true, scheduler.actor(), true, "serving", {}});
  }
  wire::PartyStatus status() {
    client_says(Kind::status_request);
    const auto message = client.sent();
    REQUIRE(message);
    CHECK(message->header == wire::control_header(Kind::status));
    return *wire::decode<wire::PartyStatus>(message->payload);
  }
  /// The client was told this, and nobody else anything.
  protocol::Error refused(std::uint8_t number) {
    const auto failure = client.sent_failure();
    REQUIRE(failure);
    CHECK(failure->query == query(number));
    CHECK(scheduler.left() + client.left() == 0);
    return failure->error;
  }

  tests::TemporaryFolder folder;
  Stage stage;
  monitoring::Registry registry = monitoring::Registry::null();
  Role client{stage}, model_store{stage}, scheduler{stage};
  caf::actor front_end;
};  // namespace

}  // namespace

TEST_CASE("a party says of itself what it is, and nothing is deployed at first") {
  FrontEnd f(PartyId::producer);
  const auto s = f.status();
  CHECK(s.wire_version == wire::version);
  CHECK(s.role == PartyId::producer);
  CHECK(s.choice == "fake");
  CHECK(s.pack_depth == 6);
  CHECK(s.plaintext_links_allowed);
  CHECK(s.disk_free_bytes > 0);
  CHECK(s.cores > 0);
  CHECK(s.clock_unix_ns > 0);
  CHECK_FALSE(s.version.empty());
  CHECK_FALSE(s.isa.empty());
  CHECK_FALSE(s.serving);
  CHECK_FALSE(s.in_session);
  CHECK(s.deployment.empty());
  CHECK(s.plan_digest.empty());
}

TEST_CASE("status follows what supervisor, store and scheduler tell") {
  FrontEnd f;
  f.serve();
  f.tell(PacksReady{4});
  f.predict(1);
  auto s = f.status();
  CHECK(s.serving);
  CHECK(s.in_session);
  CHECK(s.session == "serving");
  CHECK(s.deployment == fake_plan(constant).model_name);
  CHECK(s.packs_ready == 4);
  CHECK(s.queries_in_flight == 1);
  f.tell(QueryClosed{query(1), Outcome::ok});
  f.tell(Serving{false, nullptr, false, "not connected", 500});
  s = f.status();
  CHECK_FALSE(s.serving);
  CHECK(s.session == "not connected");
  // They were of the session that is over.
  CHECK(s.packs_ready == 0);
  CHECK(s.queries_in_flight == 0);
}

TEST_CASE("the plan is handed out when there is one") {
  FrontEnd f;
  f.client_says(Kind::plan_request);
  CHECK(f.refused(0).fault == Fault::not_serving);
  f.deploy();
  f.client_says(Kind::plan_request);
  const auto message = f.client.sent();
  REQUIRE(message);
  CHECK(message->header == wire::control_header(Kind::plan));
  CHECK(message->payload == protocol::Payload{4, 5, 6});
}

TEST_CASE("a deployment that may begin goes to the model store, read already") {
  FrontEnd f;
  const wire::DeployBegin begin{{1}, {4, 5, 6}, "skin"};
  f.client_says(Kind::deploy_begin, wire::encode(begin));
  const auto begun = f.model_store.take<BeginDeployment>();
  REQUIRE(begun);
  CHECK(begun->link == f.client.actor());
  CHECK(begun->begin.look() == begin);
  CHECK(f.client.left() == 0);
}

TEST_CASE("a query goes to the scheduler with all that the client asked for") {
  FrontEnd f;
  f.serve();
  f.predict(1);
  const auto submitted = f.scheduler.take<SubmitQuery>();
  REQUIRE(submitted);
  CHECK(submitted->query == query(1));
  CHECK(submitted->share.look() == protocol::Payload{1, 2});
  CHECK(submitted->client == f.client.actor());
  CHECK(submitted->timeline);
  CHECK(f.client.left() == 0);
}

TEST_CASE("a query that cannot be taken is refused with the kind of the reason") {
  FrontEnd producer(PartyId::producer);
  producer.serve();
  producer.predict(1);
  CHECK(producer.refused(1).fault == Fault::refused);

  FrontEnd f;
  f.predict(1);
  CHECK(f.refused(1).fault == Fault::not_serving);
  f.deploy();
  f.tell(Serving{false, nullptr, false, "not connected", 500});
  f.predict(1);
  const auto later = f.refused(1);
  CHECK(later.fault == Fault::not_serving);
  CHECK(later.retry_after_ms == 500);
  f.serve();
  f.predict(1, constant + 1);
  CHECK(f.refused(1).fault == Fault::stale_plan);
  f.predict(1);
  REQUIRE(f.scheduler.take<SubmitQuery>());
  f.predict(1);
  CHECK(f.refused(1).fault == Fault::refused);
  // When it is over, its number is free again.
  f.tell(QueryClosed{query(1), Outcome::ok});
  f.predict(1);
  CHECK(f.scheduler.take<SubmitQuery>());
}

TEST_CASE("what cannot be read, and what a client does not send, is a violation") {
  FrontEnd f;
  f.serve();
  for (const auto kind : {Kind::predict, Kind::cancel, Kind::deploy_begin, Kind::hello, Kind::deal, Kind::predicted}) {
    f.client_says(kind, {1, 2, 3});
    CHECK(f.refused(0).fault == Fault::violation);
  }
}

TEST_CASE("a client's giving up goes to the scheduler, with the name of the client, so does a client that went") {
  FrontEnd f;
  f.client_says(Kind::cancel, wire::encode(wire::QueryName{query(1)}));
  f.tell(ClientGone{f.client.actor()});
  CHECK(f.scheduler.left() + f.client.left() == 0);
  f.serve();
  f.client_says(Kind::cancel, wire::encode(wire::QueryName{query(1)}));
  const auto cancelled = f.scheduler.take<CancelQuery>();
  REQUIRE(cancelled);
  CHECK(cancelled->query == query(1));
  CHECK(cancelled->client == f.client.actor());
  f.tell(ClientGone{f.client.actor()});
  const auto gone = f.scheduler.take<ClientGone>();
  REQUIRE(gone);
  CHECK(gone->client == f.client.actor());
  CHECK(f.client.left() == 0);
}

TEST_CASE("a scheduler that ends before it has seen a query leaves the query with an answer") {
  FrontEnd f;
  f.serve();
  f.stage.end(f.scheduler.actor());
  f.predict(1);
  const auto failure = f.client.sent_failure();
  REQUIRE(failure);
  CHECK(failure->query == query(1));
  CHECK(failure->error.fault == Fault::not_serving);
  CHECK(failure->error.retry_after_ms == retry_ms);
  CHECK(f.status().queries_in_flight == 0);
}

TEST_CASE("a client's ping is answered with its number, one that is malformed is a violation") {
  FrontEnd f;
  f.client_says(Kind::ping, wire::encode(wire::Number{7}));
  const auto pong = f.client.sent();
  REQUIRE(pong);
  CHECK(pong->header == wire::control_header(Kind::pong));
  CHECK(wire::decode<wire::Number>(pong->payload)->number == 7);
  f.client_says(Kind::ping, {1, 2, 3});
  CHECK(f.client.sent_failure()->error.fault == Fault::violation);
}

TEST_CASE("a query that its session leaves behind is told why, unless the next session is there already") {
  FrontEnd f;
  f.serve();
  f.predict(1);
  SUBCASE("no session") {
    f.tell(Serving{false, nullptr, false, "not connected: server1", retry_ms});
  }
  SUBCASE("the next") {
    f.tell(Serving{true, f.scheduler.actor(), true, "serving", {}});
  }
  const bool serving = f.status().serving;
  REQUIRE(
      f.scheduler.answer<SubmitQuery>([](const auto&) { return caf::make_error(caf::sec::request_receiver_down); }));
  const auto error = f.refused(1);
  CHECK(error.fault == Fault::not_serving);
  CHECK(error.retry_after_ms == retry_ms);
  CHECK(tests::contains(error.what, "not connected: server1") != serving);
  CHECK_FALSE(tests::contains(error.what, ": serving"));
}

TEST_CASE(
    "a half for the other server, of another client's key, or too late is refused before the scheduler hears of it") {
  FrontEnd f;
  f.serve();
  const auto refused = [&] {
    const auto failure = f.client.sent_failure();
    REQUIRE(failure);
    CHECK(failure->query == query(1));
    CHECK_FALSE(f.scheduler.take<SubmitQuery>());
    return failure->error.fault;
  };
  auto half = f.half_of(1);
  half.server = PartyId::server1;
  f.predict(half);
  CHECK(refused() == Fault::refused);

  const auto clinic = std::make_shared<const wire::Identity>(wire::Identity{PartyId::client, "clinic", {7}});
  f.tell(NewRights{nullptr, {config::ClientRights{"clinic", {{7}}, true, {}, false, 0}}});
  half = f.half_of(1);
  half.header.client = {8};
  f.predict(half, clinic);
  CHECK(refused() == Fault::refused);
  half.header.client = {7};
  half.header.not_after_ms = 1'000'000;  // in 1970
  f.predict(half, clinic);
  CHECK(refused() == Fault::expired);
  half.header.not_after_ms = 4'000'000'000'000;  // in 2096
  f.predict(half, clinic);
  const auto submitted = f.scheduler.take<SubmitQuery>();
  REQUIRE(submitted);
  CHECK(submitted->job == wire::digest(half.header));
}

TEST_CASE("server 0's clock alone judges whether a query is late") {
  FrontEnd f(PartyId::server1);
  f.serve();
  auto half = f.half_of(1);
  half.header.not_after_ms = 1'000'000;
  f.predict(half);
  CHECK(f.scheduler.take<SubmitQuery>());
}
