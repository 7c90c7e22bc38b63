#include "actors/serve/model_store.h"

#include <doctest/doctest.h>

#include <caf/all.hpp>

#include "actors/serve/messages.h"
#include "tests/actors/support/stage.h"
#include "tests/actors/support/three_parties.h"

using namespace blindsight;
using namespace blindsight::actors;
using namespace blindsight::test;
using protocol::Fault;
using protocol::PartyId;
using protocol::Payload;
using wire::Kind;

namespace {

constexpr std::size_t layers = 4;

Payload plan_bytes(std::uint32_t constant) {
  const auto bytes = model::to_bytes(fake_plan(constant));
  return {bytes.begin(), bytes.end()};
}

/// A model store whose clients and supervisor are the test; it has a thread of its own.
struct Store {
  explicit Store(PartyId of_party = PartyId::server1, bool memory = true) : party(of_party) {
    quiet_log();
    config::PartyConfig settings;
    settings.role = static_cast<config::Role>(party);
    if (!memory) settings.preprocessing.memory_limit_mb = 0;  // a file cannot say so; the least model needs more
    auto folder = DeploymentFolder::open(data.path(), protocol::is_server(party));
    REQUIRE(folder);
    store = spawn_model_store(system, std::move(*folder), party, settings, {&fake_protocol, {}}, offload);
  }
  ~Store() {
    supervisor->send_exit(store, caf::exit_reason::user_shutdown);
    supervisor->wait_for(store);
  }

  /// What a client is answered: none if its message was taken.
  std::optional<protocol::Error> says(caf::scoped_actor& from, Kind kind, Payload payload = {},
                                      protocol::LayerId layer = protocol::no_layer) {
    auto header = wire::control_header(kind);
    header.work.layer = layer;
    supervisor->send(
        store,
        Arrived{PartyId::client, caf::actor_cast<caf::actor>(from), Parcel(wire::Message{header, std::move(payload)})},
        caf::actor_cast<caf::actor>(supervisor));
    return answer_to(from);
  }
  static std::optional<protocol::Error> answer_to(caf::scoped_actor& from) {
    wire::Message answer;
    from->receive([&](const Send& m) { answer = m.message.take(); });
    if (answer.header.kind == Kind::deployed) return {};
    REQUIRE(answer.header.kind == Kind::failure);
    return wire::decode<wire::Failure>(answer.payload)->error;
  }
  std::optional<protocol::Error> begins(caf::scoped_actor& from, wire::DeployBegin begin) {
    supervisor->send(store, BeginDeployment{caf::actor_cast<caf::actor>(from), Parcel(std::move(begin))});
    return answer_to(from);
  }
  std::optional<protocol::Error> begins(caf::scoped_actor& from, std::uint32_t constant) {
    return begins(from, {{static_cast<std::uint8_t>(constant)}, plan_bytes(constant), "skin"});
  }
  std::optional<protocol::Error> shares(caf::scoped_actor& from, protocol::LayerId layer, std::size_t bytes = 4) {
    return says(from, Kind::deploy_share, Payload(bytes), layer);
  }
  std::shared_ptr<const Deployment> deploy(std::uint32_t constant) {
    CHECK_FALSE(begins(owner, constant));
    for (protocol::LayerId layer = 0; protocol::is_server(party) && layer < layers; ++layer)
      CHECK_FALSE(shares(owner, layer));
    CHECK_FALSE(says(owner, Kind::deploy_commit));
    std::shared_ptr<const Deployment> deployment;
    supervisor->receive([&](const Deployed& m) { deployment = m.deployment; });
    return deployment;
  }
  SessionPrepared prepare(const std::shared_ptr<const Deployment>& deployment) {
    SessionPrepared prepared;
    supervisor->request(store, caf::infinite, PrepareSession{7, deployment})
        .receive([&](const SessionPrepared& m) { prepared = m; }, [](const caf::error&) { FAIL("not answered"); });
    CHECK(prepared.attempt == 7);
    return prepared;
  }

  tests::TemporaryFolder data;
  PartyId party;
  caf::actor_system_config caf_config;
  caf::actor_system system{caf_config};
  Offload offload{1, 1, true};
  caf::scoped_actor owner{system}, other_owner{system}, supervisor{system};
  caf::actor store;
};

bool is(const std::optional<protocol::Error>& error, Fault fault) {
  return error && error->fault == fault;
}

}  // namespace

TEST_CASE("a model is taken piece by piece, when it is committed the supervisor has it, and a session can be made") {
  for (const auto party : {PartyId::server0, PartyId::producer}) {
    Store s(party);
    const auto deployment = s.deploy(3);
    REQUIRE(deployment);
    CHECK(deployment->plan.model_name == fake_plan(3).model_name);
    const auto prepared = s.prepare(deployment);
    REQUIRE(prepared.core);
    const auto& core = *prepared.core;
    CHECK(core.self == party);
    CHECK(core.offload == &s.offload);
    CHECK(core.program != nullptr);
    CHECK(core.network.layers.size() == layers);
    CHECK((core.budget.depth > 0) == protocol::is_server(party));
    CHECK(core.weight_shares.size() == (protocol::is_server(party) ? layers : 0));
    CHECK((core.input_share_bytes > 0) == protocol::is_server(party));
  }
}

TEST_CASE("what a model owner sends is refused with the kind of the reason, and can be sent again") {
  Store s;
  CHECK(is(s.begins(s.owner, {{1}, {1, 2, 3}, "skin"}), Fault::usage));
  // Whether its client may begin is for the front end to say, which then says it in its own words.
  CHECK(is(s.says(s.owner, Kind::deploy_begin, wire::encode(wire::DeployBegin{{1}, plan_bytes(1), "skin"})),
           Fault::violation));
  CHECK_FALSE(s.begins(s.owner, 1));
  CHECK(is(s.shares(s.owner, 0, 5), Fault::violation));
  CHECK(is(s.shares(s.owner, layers), Fault::usage));
  CHECK(is(s.says(s.owner, Kind::status_request), Fault::violation));
  CHECK(is(s.says(s.owner, Kind::deploy_commit), Fault::usage));
  for (protocol::LayerId layer = 0; layer < layers; ++layer) CHECK_FALSE(s.shares(s.owner, layer));
  CHECK_FALSE(s.says(s.owner, Kind::deploy_commit));
}

TEST_CASE("of two that deploy at a time the last to begin goes on: their shares are not mixed") {
  Store s;
  // No plan yet: that is the owner's to mend.
  CHECK(is(s.shares(s.owner, 0), Fault::usage));
  CHECK(is(s.says(s.owner, Kind::deploy_commit), Fault::usage));
  CHECK_FALSE(s.begins(s.owner, 1));
  CHECK_FALSE(s.shares(s.owner, 0));
  CHECK_FALSE(s.begins(s.other_owner, 2));
  CHECK(is(s.shares(s.owner, 1), Fault::refused));
  CHECK(is(s.says(s.owner, Kind::deploy_commit), Fault::refused));
  for (protocol::LayerId layer = 0; layer < layers; ++layer) CHECK_FALSE(s.shares(s.other_owner, layer));
  CHECK_FALSE(s.says(s.other_owner, Kind::deploy_commit));
}

TEST_CASE("a model whose packs do not fit into memory is refused before its weights are sent") {
  Store s(PartyId::server0, false);
  CHECK(is(s.begins(s.owner, 1), Fault::usage));
  CHECK(is(s.shares(s.owner, 0), Fault::usage));
}

TEST_CASE("a session whose weights are not there any more is not made, with the reason") {
  Store s;
  const auto deployment = s.deploy(3);
  s.deploy(4);
  const auto prepared = s.prepare(deployment);
  CHECK_FALSE(prepared.core);
  CHECK(prepared.error.fault == Fault::usage);
}
