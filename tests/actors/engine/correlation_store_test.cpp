#include "actors/engine/correlation_store.h"

#include <doctest/doctest.h>

#include "actors/engine/messages.h"
#include "tests/actors/support/stage.h"

using namespace blindsight;
using namespace blindsight::actors;
using namespace blindsight::test;
using protocol::PackId;
using protocol::PartyId;
using wire::Kind;

namespace {

constexpr std::size_t values = 5;

/// A store whose layers, links, front end and supervisor are roles. Its budget: two packs, three with those in use.
struct Store {
  explicit Store(PartyId party, bool while_serving = false) {
    core = fake_core(party);
    core->budget = {.depth = 2, .at_most = 3, .while_serving = while_serving, .warning = {}};
    for (std::size_t i = 0; i < 3; ++i) core->links[i] = links[i].actor();
    std::vector<caf::actor> actors;
    for (auto& layer : layers) actors.push_back(layer.actor());
    store = stage.keep(
        spawn_correlation_store(stage.system(), core, actors, supervisor.actor(), front_end.actor(), registry));
  }

  template <class Message>
  void tell(Message message) {
    stage.tell(store, std::move(message));
  }
  void begin() { tell(Begin{}); }
  void deal_begins(PackId pack) { tell(arrived(PartyId::producer, Kind::deal_begins, pack)); }
  void peer_ready(PackId pack) { tell(arrived(PartyId::server1, Kind::pack_ready, pack)); }
  /// Answers in the layers' place: all that they were told to prepare is prepared.
  void prepare_all() {
    for (std::size_t value = 0; value < values; ++value)
      while (const auto work = layers[value].take<PrepareBands>())
        for (const auto band : work->bands)
          tell(BandPrepared{protocol::making(static_cast<protocol::ValueId>(value), work->pack, band),
                            Parcel<MaterialPtr>(nullptr),
                            0.5,
                            100,
                            {10, 1, 0}});
  }
  /// A pack from its announcement to the end of its preparation.
  void pack(PackId pack) {
    deal_begins(pack);
    prepare_all();
  }
  /// What the producer was asked for in all, as of the newest request; 0 when it was not asked.
  std::uint64_t wanted() {
    std::uint64_t number = 0;
    while (const auto message = links[2].sent()) {
      CHECK(message->header == wire::control_header(Kind::want, core->session));
      number = wire::decode<wire::Number>(message->payload)->number;
    }
    return number;
  }
  /// As the scheduler of server 1; 0 when it is refused.
  Pack take(PackId pack) {
    scheduler.request(store, TakePack{pack});
    const auto granted = scheduler.take<PackGranted>();
    REQUIRE(granted);
    return granted->pack.take();
  }
  /// As the scheduler of server 0, which is given a pack at once or later.
  void ask_any() { scheduler.request(store, TakeAnyPack{}); }
  /// The pack that an earlier ask_any() was given by now; 0 when none was.
  PackId given() {
    const auto granted = scheduler.take<PackGranted>();
    return granted ? granted->pack.take().id : 0;
  }
  std::uint64_t told_depth() {
    std::uint64_t packs = 99;
    while (const auto ready = front_end.take<PacksReady>()) packs = ready->packs;
    return packs;
  }
  bool session_failed() {
    const auto failed = supervisor.take<SessionFailed>();
    return failed && failed->error.fault == protocol::Fault::violation;
  }
  /// Whether all layers were told to forget the pack.
  bool dropped(PackId pack) {
    bool all = true;
    for (auto& layer : layers) {
      const auto drop = layer.take<DropPack>();
      all = all && drop && drop->pack == pack;
    }
    return all;
  }

  Stage stage;
  monitoring::Registry registry = monitoring::Registry::null();
  std::shared_ptr<SessionCore> core;
  std::array<Role, 3> links{Role(stage), Role(stage), Role(stage)};
  std::array<Role, values> layers{Role(stage), Role(stage), Role(stage), Role(stage), Role(stage)};
  Role supervisor{stage}, front_end{stage}, scheduler{stage};
  caf::actor store;
};

}  // namespace

TEST_CASE("a store asks for as many packs as its budget says when the session begins, and not before") {
  Store s(PartyId::server1);
  s.tell(QueryLoad{});
  CHECK(s.wanted() == 0);
  s.begin();
  CHECK(s.wanted() == 2);
}

TEST_CASE("a pack is ready when every band of every value is prepared, server 1 tells server 0 so") {
  Store s(PartyId::server1);
  s.begin();
  s.deal_begins(7);
  for (std::size_t value = 0; value < values; ++value) {
    const auto work = s.layers[value].take<PrepareBands>();
    REQUIRE(work);
    CHECK(work->pack == 7);
    const auto& bands = s.core->program->values()[value].bands;
    REQUIRE(work->bands.size() == bands.size());
    for (std::uint32_t band = 0; band < bands.size(); ++band) {
      CHECK_FALSE(s.links[0].sent());
      CHECK(s.take(7).id == 0);
      s.tell(BandPrepared{protocol::making(static_cast<protocol::ValueId>(value), 7, band),
                          Parcel<MaterialPtr>(nullptr),
                          0.5,
                          100,
                          {}});
    }
  }
  const auto told = s.links[0].sent();
  REQUIRE(told);
  CHECK(told->header == wire::control_header(Kind::pack_ready, s.core->session, 7));
  CHECK(s.told_depth() == 1);
  const auto pack = s.take(7);
  CHECK(pack.id == 7);
  CHECK(pack.compute_s == std::vector{0.5, 1.0, 1.0, 1.0, 0.5});
  CHECK(pack.dealt_bytes == std::vector<std::uint64_t>{100, 200, 200, 200, 100});
}

TEST_CASE("a pack's bytes to the other server are counted") {
  Store s(PartyId::server1);
  s.begin();
  s.pack(1);
  CHECK(s.take(1).sent_bytes == 8 * 10);
}

TEST_CASE("server 1 gives out a pack once") {
  Store s(PartyId::server1);
  s.begin();
  s.pack(1);
  CHECK(s.take(2).id == 0);
  CHECK(s.take(1).id == 1);
  CHECK(s.take(1).id == 0);
  CHECK(s.told_depth() == 0);
}

TEST_CASE("server 0 gives out the oldest pack that both servers have, to whoever asked first") {
  Store s(PartyId::server0);
  s.begin();
  s.pack(1);
  s.pack(2);
  CHECK(s.told_depth() == 0);
  s.ask_any();
  s.ask_any();
  CHECK(s.given() == 0);
  s.peer_ready(2);
  CHECK(s.given() == 2);
  CHECK(s.given() == 0);
  s.peer_ready(1);
  CHECK(s.given() == 1);
  CHECK(s.told_depth() == 0);
}

TEST_CASE("a pack stays in stock when the query that waited for it waits no more") {
  Store s(PartyId::server0);
  s.begin();
  for (const std::uint64_t taker : {1u, 2u}) s.scheduler.request(s.store, TakeAnyPack{taker});
  s.tell(WithdrawTake{1});
  CHECK(s.scheduler.left() == 1);
  CHECK(s.given() == 0);
  s.tell(WithdrawTake{9});
  s.pack(1);
  s.peer_ready(1);
  CHECK(s.given() == 1);
  s.pack(2);
  s.peer_ready(2);
  CHECK(s.given() == 0);
  CHECK(s.told_depth() == 1);
  s.ask_any();
  CHECK(s.given() == 2);
}

TEST_CASE("a burned pack is never given out, wherever it was, the layers forget it and another is asked for") {
  Store s(PartyId::server1);
  s.begin();
  CHECK(s.wanted() == 2);
  s.pack(1);
  s.deal_begins(2);
  for (const PackId pack : {1u, 2u}) {
    s.tell(BurnPack{pack});
    CHECK(s.dropped(pack));
    CHECK(s.wanted() == 2 + pack);
  }
  // Its last bands come all the same.
  s.prepare_all();
  CHECK(s.take(1).id == 0);
  CHECK(s.take(2).id == 0);
  s.tell(BurnPack{1});
  CHECK_FALSE(s.dropped(1));
  CHECK(s.wanted() == 0);
}

TEST_CASE("while a query runs no pack is asked for ahead of queries, unless the budget says so") {
  for (const bool while_serving : {false, true}) {
    Store s(PartyId::server1, while_serving);
    s.begin();
    CHECK(s.wanted() == 2);
    s.pack(1);
    CHECK(s.take(1).id == 1);
    s.tell(QueryLoad{.waiting = 0, .running = 1, .packs_received = 1});
    CHECK(s.wanted() == (while_serving ? 3 : 0));
    s.tell(QueryLoad{.waiting = 0, .running = 0, .packs_received = 1});
    CHECK(s.wanted() == (while_serving ? 0 : 3));
  }
}

TEST_CASE("a pack on its way to the scheduler counts as in use") {
  Store s(PartyId::server1);
  s.begin();
  CHECK(s.wanted() == 2);
  s.pack(1);
  s.tell(QueryLoad{.waiting = 1, .running = 0, .packs_received = 0});
  CHECK(s.take(1).id == 1);
  // The scheduler has not said yet that it has it: nothing is refilled for the query that waits for it.
  CHECK(s.wanted() == 0);
}

TEST_CASE("what may not be said to a store ends the session") {
  Store s(PartyId::server0);
  s.begin();
  s.deal_begins(0);
  CHECK(s.session_failed());
  s.deal_begins(1);
  CHECK_FALSE(s.session_failed());
  SUBCASE("a number that is not the next") {
    s.deal_begins(3);
  }
  SUBCASE("a pack that was not asked for") {
    s.deal_begins(2);
    CHECK_FALSE(s.session_failed());
    s.deal_begins(3);
  }
  SUBCASE("dealing by a server") {
    s.tell(arrived(PartyId::server1, Kind::deal_begins, 2));
  }
  SUBCASE("readiness of the producer") {
    s.tell(arrived(PartyId::producer, Kind::pack_ready, 1));
  }
  SUBCASE("a wish") {
    s.tell(arrived(PartyId::server1, Kind::want, 0, wire::encode(wire::Number{1})));
  }
  CHECK(s.session_failed());
}

TEST_CASE("server 1 is not told what is ready at server 0") {
  Store s(PartyId::server1);
  s.begin();
  s.deal_begins(1);
  s.tell(arrived(PartyId::server0, Kind::pack_ready, 1));
  CHECK(s.session_failed());
}

TEST_CASE("a pack's keys go to every layer when it is announced, and to whoever takes it") {
  Store s(PartyId::server1);
  s.begin();
  s.deal_begins(5);
  std::weak_ptr<const protocol::PackKeys> keys;
  for (auto& layer : s.layers) {
    const auto work = layer.take<PrepareBands>();
    REQUIRE(work);
    REQUIRE(work->keys);
    CHECK(work->keys->pack() == 5);
    CHECK((!keys.lock() || keys.lock() == work->keys));
    keys = work->keys;
    for (const auto band : work->bands)
      s.tell(BandPrepared{protocol::making(static_cast<protocol::ValueId>(&layer - s.layers.data()), 5, band),
                          Parcel<MaterialPtr>(nullptr),
                          0,
                          0,
                          {}});
  }
  CHECK_FALSE(keys.expired());  // the query will need them
  {
    const auto pack = s.take(5);
    CHECK((pack.keys && pack.keys == keys.lock()));
  }
  CHECK(keys.expired());
}

TEST_CASE("a burned pack's keys are let go of") {
  for (const bool ready : {false, true}) {
    Store s(PartyId::server1);
    s.begin();
    s.deal_begins(5);
    std::weak_ptr<const protocol::PackKeys> keys = s.layers[0].take<PrepareBands>()->keys;
    if (ready)
      s.prepare_all();
    else
      for (auto& layer : s.layers) layer.forget();
    if (ready) s.tell(BandPrepared{protocol::making(0, 5, 0), Parcel<MaterialPtr>(nullptr), 0, 0, {}});
    CHECK_FALSE(keys.expired());
    s.tell(BurnPack{5});
    CHECK(keys.expired());
  }
}

TEST_CASE("a pack that is too far away is a violation, whatever the first of a session may be") {
  Store s(PartyId::server0);
  s.begin();
  s.deal_begins(PackId{1} << 60);
  const auto failed = s.supervisor.take<SessionFailed>();
  REQUIRE(failed);
  CHECK(failed->error.fault == protocol::Fault::violation);
  CHECK(failed->error.what == "protocol violation: the keys of a pack: number 1152921504606846976 is not below 2^48");
}
