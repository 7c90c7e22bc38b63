#include "actors/serve/query_helper.h"

#include <doctest/doctest.h>

#include <array>
#include <caf/all.hpp>
#include <memory>

#include "actors/serve/help_ledger.h"
#include "actors/serve/messages.h"
#include "tests/support/text.h"

using blindsight::tests::contains;
using namespace blindsight;
using namespace blindsight::actors;
using protocol::PartyId;
using Start = HelpLedger::Start;

TEST_CASE("a helping producer begins a pack once, if it was announced and no server has cancelled it") {
  HelpLedger ledger;
  CHECK(ledger.start(1) == Start::refused);
  CHECK_FALSE(ledger.cancel(1, PartyId::server0));
  for (const protocol::PackId pack : {5u, 6u, 7u, 8u}) ledger.announce(pack);
  CHECK(ledger.start(6) == Start::begin);
  CHECK(ledger.start(6) == Start::refused);
  CHECK(ledger.start(4) == Start::refused);
  CHECK(ledger.start(9) == Start::refused);
  CHECK(ledger.start(0) == Start::refused);

  // Server 1's word may overtake server 0's start, which then comes once more.
  CHECK(ledger.cancel(5, PartyId::server1));
  CHECK(ledger.start(5) == Start::cancelled);
  CHECK(ledger.start(5) == Start::refused);
  CHECK(ledger.cancel(7, PartyId::server0));
  CHECK(ledger.start(7) == Start::refused);

  CHECK(ledger.cancel(6, PartyId::server1));
  CHECK(ledger.start(6) == Start::refused);
  CHECK_FALSE(ledger.cancel(4, PartyId::server0));
  CHECK_FALSE(ledger.cancel(9, PartyId::server0));
  CHECK(ledger.start(8) == Start::begin);
}

namespace {

/// A helper whose layer, links and supervisor are the test.
struct Helper {
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  caf::actor helper;

  explicit Helper(std::chrono::milliseconds timeout = std::chrono::minutes(10)) {
    auto core = std::make_shared<SessionCore>();
    core->self = PartyId::producer;
    const auto me = caf::actor_cast<caf::actor>(self);
    core->links = {me, me, nullptr};
    helper = spawn_query_helper(system, core, {me, me}, timeout, me);
  }
  ~Helper() { caf::anon_send_exit(helper, caf::exit_reason::user_shutdown); }

  void tell(PartyId from, wire::Kind kind, protocol::PackId pack) {
    wire::QueryId query{};
    query[0] = static_cast<std::uint8_t>(pack);
    auto payload = kind == wire::Kind::query_cancelled
                       ? wire::encode(wire::Failure{query, {protocol::Fault::refused, "given up"}})
                       : wire::encode(wire::QueryName{query});
    self->send(helper,
               Arrived{from, nullptr, Parcel(wire::Message{wire::control_header(kind, 0, pack), std::move(payload)})});
  }
  protocol::PackId begun() {
    protocol::PackId pack = 0;
    for (int layer = 0; layer < 2; ++layer)
      self->receive([&](const BeginQuery& m) {
        pack = m.pack;
        CHECK_FALSE(m.in);
        CHECK_FALSE(m.out);
        CHECK(m.materials.look().empty());
      });
    return pack;
  }
  protocol::PackId dropped() {
    protocol::PackId pack = 0;
    for (int layer = 0; layer < 2; ++layer) self->receive([&](const DropPack& m) { pack = m.pack; });
    return pack;
  }
  std::string violation() {
    protocol::Error error;
    self->receive([&](const SessionFailed& m) { error = m.error; });
    CHECK(error.fault == protocol::Fault::violation);
    return error.what;
  }
  /// What both servers are told.
  protocol::Error cancelled() {
    protocol::Error error;
    for (int server = 0; server < 2; ++server)
      self->receive([&](const Send& m) {
        const auto message = m.message.take();
        CHECK(message.header.kind == wire::Kind::query_cancelled);
        const auto note = wire::decode<wire::Failure>(message.payload);
        REQUIRE(note);
        CHECK(note->query[0] == message.header.work.pack);
        error = note->error;
      });
    return error;
  }
};

}  // namespace

TEST_CASE("a second start of a pack, and one of a pack that was not announced, end the session") {
  Helper h;
  h.self->send(h.helper, PackAnnounced{3, {}});
  h.tell(PartyId::server0, wire::Kind::query_start, 3);
  CHECK(h.begun() == 3);
  h.tell(PartyId::server0, wire::Kind::query_start, 3);
  CHECK(contains(h.violation(), "pack 3 was not announced, or has been used"));
  h.tell(PartyId::server0, wire::Kind::query_start, 4);
  CHECK(contains(h.violation(), "pack 4"));
  h.self->send(h.helper, PackAnnounced{4, {}});
  h.tell(PartyId::server1, wire::Kind::query_start, 4);
  CHECK(contains(h.violation(), "query-start message from server1"));
  h.tell(PartyId::server1, wire::Kind::query_cancelled, 9);
  CHECK(contains(h.violation(), "pack 9"));
}

TEST_CASE("a helping producer drops what a server cancels and cancels at both servers what fails here") {
  Helper h;
  for (const protocol::PackId pack : {1u, 2u, 3u}) h.self->send(h.helper, PackAnnounced{pack, {}});
  h.tell(PartyId::server0, wire::Kind::query_start, 1);
  CHECK(h.begun() == 1);
  h.tell(PartyId::server1, wire::Kind::query_cancelled, 1);
  CHECK(h.dropped() == 1);
  // Cancelled before it was started: never begun.
  h.tell(PartyId::server1, wire::Kind::query_cancelled, 2);
  CHECK(h.dropped() == 2);
  h.tell(PartyId::server0, wire::Kind::query_start, 2);
  h.tell(PartyId::server0, wire::Kind::query_start, 3);
  CHECK(h.begun() == 3);
  h.self->send(h.helper,
               StepFailed{Phase::online, protocol::making(1, 3), {protocol::Fault::violation, "layer x: broken"}});
  CHECK(h.dropped() == 3);
  CHECK(h.cancelled() == protocol::Error{protocol::Fault::violation, "layer x: broken"});
}

TEST_CASE("a helping producer does not wait for ever") {
  Helper h(std::chrono::milliseconds(20));
  h.self->send(h.helper, PackAnnounced{1, {}});
  h.tell(PartyId::server0, wire::Kind::query_start, 1);
  CHECK(h.begun() == 1);
  h.self->send(h.helper, LayerDone{protocol::making(0, 1), {}});
  CHECK(h.dropped() == 1);
  const auto error = h.cancelled();
  CHECK(error.fault == protocol::Fault::timed_out);
  CHECK(contains(error.what, "1 of 2 layers were done"));
}

TEST_CASE("a server that gives up a pack that is over violates nothing: it is dropped again") {
  Helper h;
  h.self->send(h.helper, PackAnnounced{1, {}});
  h.tell(PartyId::server0, wire::Kind::query_start, 1);
  CHECK(h.begun() == 1);
  for (const protocol::ValueId value : {0, 1}) h.self->send(h.helper, LayerDone{protocol::making(value, 1), {}});
  h.tell(PartyId::server1, wire::Kind::query_cancelled, 1);
  CHECK(h.dropped() == 1);
  // It stays used.
  h.tell(PartyId::server0, wire::Kind::query_start, 1);
  CHECK(contains(h.violation(), "pack 1 was not announced, or has been used"));
}

TEST_CASE("a helping producer has a pack's keys until a query begins with it or a server gives it up, and no longer") {
  Helper h;
  std::array<std::weak_ptr<const protocol::PackKeys>, 3> keys;
  for (const std::size_t pack : {1u, 2u}) {
    using protocol::Key;
    auto held = std::make_shared<const protocol::PackKeys>(pack, PartyId::producer,
                                                           protocol::KeySet{Key({1}), Key({2}), Key({3})});
    keys[pack] = held;
    h.self->send(h.helper, PackAnnounced{pack, std::move(held)});
  }
  h.tell(PartyId::server0, wire::Kind::query_start, 1);
  for (int layer = 0; layer < 2; ++layer)
    h.self->receive([&](const BeginQuery& m) { CHECK(m.keys == keys[1].lock()); });
  CHECK_FALSE(keys[2].expired());
  h.tell(PartyId::server1, wire::Kind::query_cancelled, 2);
  CHECK(h.dropped() == 2);
  h.tell(PartyId::server0, wire::Kind::query_start, 9);  // answered after all is done
  (void)h.violation();
  CHECK(keys[1].expired());  // the layers have them, which are the test
  CHECK(keys[2].expired());
}
