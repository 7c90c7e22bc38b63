#include "actors/engine/layer.h"

#include <doctest/doctest.h>

#include <future>

#include "actors/engine/messages.h"
#include "tests/actors/support/stage.h"

using namespace blindsight;
using namespace blindsight::actors;
using namespace blindsight::test;
using protocol::PartyId;
using wire::Kind;

namespace {

/// Server 0's layer that makes the first value; its links, supervisor and next layer are roles. Its steps are called
/// when the test ends: until then none comes back.
struct OneLayer {
  OneLayer() {
    core->links = {nullptr, peer.actor(), producer.actor()};
    core->offload = &offload;
    core->early_bytes_limit = 2000;
    layer = stage.keep(spawn_layer(stage.system(), core, 1, supervisor.actor(), next.actor(), registry));
    offload.run({wire::Lane::online, 0, 0}, [ended = test_ended.get_future().share()] { ended.wait(); });
  }
  ~OneLayer() { test_ended.set_value(); }

  void arrives(Kind kind, protocol::PackId pack, std::uint32_t band, std::uint16_t round, std::size_t bytes = 0) {
    const wire::Header header{kind, wire::Lane::online, core->session, protocol::making(1, pack, band), round};
    stage.tell(layer, Arrived{PartyId::server1, nullptr, Parcel(wire::Message{header, protocol::Payload(bytes)})});
  }
  bool session_failed() {
    const auto failed = supervisor.take<SessionFailed>();
    return failed && failed->error.fault == protocol::Fault::violation;
  }

  Stage stage;
  Role peer{stage}, producer{stage}, supervisor{stage}, next{stage};
  std::shared_ptr<SessionCore> core = fake_core(PartyId::server0);
  monitoring::Registry registry = monitoring::Registry::null();
  caf::actor layer;
  std::promise<void> test_ended;
  Offload offload{1, 1, true};
};

}  // namespace

TEST_CASE("a set-up message has no band, and one of a query or a pack no band that is not there") {
  OneLayer l;
  for (const auto kind : {Kind::online, Kind::deal}) {
    l.arrives(kind, 3, 1, 0);
    CHECK_FALSE(l.session_failed());
    l.arrives(kind, 3, 2, 0);
    CHECK(l.session_failed());
  }
  l.arrives(Kind::set_up, 0, 0, 0);
  CHECK_FALSE(l.session_failed());
  l.arrives(Kind::set_up, 0, 1, 0);
  CHECK(l.session_failed());
}

TEST_CASE("what comes before its step is bounded, messages without content too") {
  for (const std::size_t bytes : {0u, 500u}) {
    OneLayer l;
    l.arrives(Kind::online, 3, 0, 0, bytes);
    CHECK_FALSE(l.session_failed());
    for (std::uint16_t round = 1; round < 10; ++round) l.arrives(Kind::online, 3, 0, round, bytes);
    CHECK(l.session_failed());
  }
}

TEST_CASE("what a dropped pack's steps would have been sent is forgotten, and makes room") {
  OneLayer l;
  for (protocol::PackId pack = 1; pack < 20; ++pack) {
    l.arrives(Kind::online, pack, 0, 0, 1000);
    l.stage.tell(l.layer, DropPack{pack});
  }
  CHECK_FALSE(l.session_failed());
}

TEST_CASE("what waits for its turn in a step is bounded, too") {
  for (const std::size_t bytes : {0u, 500u}) {
    OneLayer l;
    l.stage.tell(l.layer, SetUp{});
    l.arrives(Kind::set_up, 0, 0, 1, bytes);
    CHECK_FALSE(l.session_failed());
    for (std::uint16_t round = 2; round < 12; ++round) l.arrives(Kind::set_up, 0, 0, round, bytes);
    CHECK(l.session_failed());
  }
}
