// How long a pack's keys live at a server's store and at the producer's dealer, and what they do with packs that a peer
// may not name.
#include <doctest/doctest.h>

#include <caf/all.hpp>

#include "actors/engine/correlation_store.h"
#include "actors/engine/dealer.h"
#include "actors/engine/messages.h"
#include "tests/actors/support/fake_protocol.h"
#include "wire/control.h"

using namespace blindsight;
using namespace blindsight::actors;
using protocol::PackId;
using protocol::PartyId;

namespace {

/// A party's core whose only layer, links, supervisor and front end are the test.
struct Party {
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  caf::actor me = caf::actor_cast<caf::actor>(self);
  monitoring::Registry registry = monitoring::Registry::null();
  std::shared_ptr<SessionCore> core = std::make_shared<SessionCore>();
  std::vector<caf::actor> layers;

  explicit Party(PartyId id) {
    core->self = id;
    core->network = test::fake_plan(1).network;
    core->weight_shares.assign(core->network.layers.size(), protocol::Payload(4));
    core->program =
        test::fake_protocol.bind(core->network).value().parties->make_program({id, core->weight_shares}).value();
    using protocol::Key;
    core->keys = std::make_unique<protocol::KeyRing>(id, protocol::KeySet{Key({1}), Key({2}), Key({3})});
    core->budget.depth = core->budget.at_most = 1;
    for (auto& link : core->links) link = me;
    layers.assign(core->program->values().size(), me);
  }

  void tell(const caf::actor& to, PartyId from, wire::Kind kind, PackId pack, protocol::Payload payload = {}) {
    self->send(to,
               Arrived{from, nullptr, Parcel(wire::Message{wire::control_header(kind, 0, pack), std::move(payload)})});
  }

  /// The next message of this type; others are passed over.
  template <class M>
  M next() {
    std::optional<M> found;
    while (!found)
      self->receive([&](const M& m) { found = m; },
                    caf::others >> [](caf::message_view&) -> caf::result<caf::message> { return caf::message(); });
    return *found;
  }
};

}  // namespace

TEST_CASE("a server's store opens a pack when it is announced and lets go of its keys when it is burned") {
  Party server(PartyId::server1);
  const auto store =
      spawn_correlation_store(server.system, server.core, server.layers, server.me, server.me, server.registry);
  server.self->send(store, Begin{});
  server.tell(store, PartyId::producer, wire::Kind::deal_begins, 5);
  std::weak_ptr<const protocol::PackKeys> keys;
  for (std::size_t layer = 0; layer < server.layers.size(); ++layer) {
    const auto m = server.next<PrepareBands>();
    REQUIRE(m.keys);
    CHECK(m.keys->pack() == 5);
    keys = m.keys;
  }
  CHECK_FALSE(keys.expired());  // the query will need them
  server.self->send(store, BurnPack{5});
  CHECK(server.next<DropPack>().pack == 5);
  server.tell(store, PartyId::producer, wire::Kind::deal_begins, 5);  // an answer after all is done
  CHECK(server.next<SessionFailed>().error.what.find("pack 5 was announced, the next is 6") != std::string::npos);
  CHECK(keys.expired());
  caf::anon_send_exit(store, caf::exit_reason::user_shutdown);
}

TEST_CASE("a pack that is too far away is a violation, whatever the first of a session may be") {
  Party server(PartyId::server0);
  const auto store =
      spawn_correlation_store(server.system, server.core, server.layers, server.me, server.me, server.registry);
  server.self->send(store, Begin{});
  server.tell(store, PartyId::producer, wire::Kind::deal_begins, std::uint64_t{1} << 60);
  const auto error = server.next<SessionFailed>().error;
  CHECK(error.fault == protocol::Fault::violation);
  CHECK(error.what == "protocol violation: the keys of a pack: number 1152921504606846976 is not below 2^48");
  caf::anon_send_exit(store, caf::exit_reason::user_shutdown);
}

TEST_CASE("the producer holds a pack's keys until its last band is dealt, and a helper's beyond that") {
  Party producer(PartyId::producer);
  const auto dealer = spawn_dealer(producer.system, producer.core, producer.layers, std::make_shared<PackCounter>(41),
                                   1000, producer.me, producer.me, producer.registry);
  producer.self->send(dealer, Begin{});
  for (const auto server : {PartyId::server0, PartyId::server1})
    producer.tell(dealer, server, wire::Kind::want, 0, wire::encode(wire::Number{1}));
  std::weak_ptr<const protocol::PackKeys> keys;
  {
    const auto announced = producer.next<PackAnnounced>();
    CHECK(announced.pack == 42);
    REQUIRE(announced.keys);
    CHECK(announced.keys->pack() == 42);
    keys = announced.keys;
  }
  const auto& values = producer.core->program->values();
  std::size_t bands = 0;
  for (const auto& value : values) bands += value.bands.size();
  for (std::size_t band = 0; band < bands; ++band) {
    CHECK(producer.next<PrepareBands>().pack == 42);
    CHECK_FALSE(keys.expired());
    if (band + 1 < bands) continue;
    for (std::size_t done = 0; done < bands; ++done)
      producer.self->send(dealer, BandPrepared{protocol::making(0, 42), Parcel<MaterialPtr>(nullptr), 0, 0, {}});
  }
  producer.tell(dealer, PartyId::server0, wire::Kind::pack_ready, 42);  // answered after all is done
  (void)producer.next<SessionFailed>();
  CHECK(keys.expired());
  caf::anon_send_exit(dealer, caf::exit_reason::user_shutdown);
}
