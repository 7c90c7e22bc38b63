#include "actors/engine/dealer.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "actors/engine/memory.h"
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
/// Of all values of a pack.
constexpr std::size_t bands = 8;

/// A dealer whose layers, links, helper and supervisor are roles. The process has dealt 40 packs before.
struct Dealer {
  explicit Dealer(unsigned bands_at_once = 100) {
    core = fake_core(PartyId::producer);
    for (std::size_t i = 0; i < 2; ++i) core->links[i] = links[i].actor();
    std::vector<caf::actor> actors;
    for (auto& layer : layers) actors.push_back(layer.actor());
    dealer = stage.keep(spawn_dealer(stage.system(), core, actors, counter, bands_at_once, helper.actor(),
                                     supervisor.actor(), registry));
  }

  template <class Message>
  void tell(Message message) {
    stage.tell(dealer, std::move(message));
  }
  void want(PartyId server, std::uint64_t packs) {
    tell(arrived(server, Kind::want, 0, wire::encode(wire::Number{packs})));
  }
  /// Work that was handed out since the last call.
  std::vector<protocol::Work> handed_out() {
    std::vector<protocol::Work> all;
    for (std::size_t value = 0; value < values; ++value)
      while (const auto work = layers[value].take<PrepareBands>()) {
        CHECK(work->store == dealer);
        for (const auto band : work->bands)
          all.push_back(protocol::making(static_cast<protocol::ValueId>(value), work->pack, band));
      }
    return all;
  }
  void prepared(const protocol::Work& work, std::uint64_t bytes_to_server0 = 0, std::uint64_t bytes_to_server1 = 0) {
    tell(BandPrepared{work, Parcel<MaterialPtr>(nullptr), 0, 0, {bytes_to_server0, bytes_to_server1, 0}});
  }
  /// The pack that both servers, and before them the helper, were told of; 0 when they were not.
  PackId announced() {
    PackId pack = 0;
    for (auto& link : links) {
      const auto message = link.sent();
      if (!message) return 0;
      pack = message->header.work.pack;
      CHECK(message->header == wire::control_header(Kind::deal_begins, core->session, pack));
    }
    const auto told = helper.take<PackAnnounced>();
    CHECK((told && told->pack == pack));
    return pack;
  }
  /// Deals what was handed out, and what that makes it hand out, to the end.
  void deal_all() {
    for (auto work = handed_out(); !work.empty(); work = handed_out())
      for (const auto& band : work) prepared(band);
  }

  Stage stage;
  monitoring::Registry registry = monitoring::Registry::null();
  std::shared_ptr<SessionCore> core;
  std::shared_ptr<PackCounter> counter = std::make_shared<PackCounter>(40);
  std::array<Role, 2> links{Role(stage), Role(stage)};
  std::array<Role, values> layers{Role(stage), Role(stage), Role(stage), Role(stage), Role(stage)};
  Role helper{stage}, supervisor{stage};
  caf::actor dealer;
};

}  // namespace

TEST_CASE("a pack is dealt when the session has begun and both servers want one, each band once") {
  Dealer d;
  d.want(PartyId::server0, 1);
  d.want(PartyId::server1, 1);
  CHECK(d.announced() == 0);
  d.tell(Begin{});
  CHECK(d.announced() == 41);
  const auto work = d.handed_out();
  REQUIRE(work.size() == bands);
  for (std::size_t i = 0; i < work.size(); ++i) {
    CHECK(work[i].pack == 41);
    for (std::size_t k = 0; k < i; ++k) CHECK_FALSE(work[i] == work[k]);
  }
  for (const auto& band : work) d.prepared(band);
  CHECK(d.announced() == 0);
}

TEST_CASE("as many packs are dealt as the server that wants fewer wants, one after the other, by rising numbers") {
  Dealer d;
  d.tell(Begin{});
  d.want(PartyId::server0, 5);
  CHECK(d.announced() == 0);
  d.want(PartyId::server1, 2);
  CHECK(d.announced() == 41);
  CHECK(d.announced() == 0);
  d.deal_all();
  CHECK(d.announced() == 42);
  d.deal_all();
  CHECK(d.announced() == 0);
  d.want(PartyId::server1, 3);
  CHECK(d.announced() == 43);
  // No other session of the process gets these numbers.
  CHECK(*d.counter == 43);
}

TEST_CASE("no more bands are handed out at once than it was told, and the next pack waits for the last of them") {
  Dealer d(3);
  d.tell(Begin{});
  d.want(PartyId::server0, 2);
  d.want(PartyId::server1, 2);
  CHECK(d.announced() == 41);
  auto work = d.handed_out();
  CHECK(work.size() == 3);
  std::size_t dealt = 0;
  while (dealt < bands) {
    CHECK(d.announced() == 0);
    REQUIRE_FALSE(work.empty());
    d.prepared(work.front());
    work.erase(work.begin());
    ++dealt;
    for (const auto& more : d.handed_out()) work.push_back(more);
    CHECK(work.size() ==
          (dealt < bands ? std::min<std::size_t>(3, bands - dealt) : 3));  // of the next pack, at the end
  }
  CHECK(d.announced() == 42);
}

TEST_CASE("it pauses while too much of what was dealt waits in either link") {
  for (const bool first : {true, false}) {
    Dealer d(1);
    d.tell(Begin{});
    d.want(PartyId::server0, 1);
    d.want(PartyId::server1, 1);
    const auto work = d.handed_out();
    REQUIRE(work.size() == 1);
    d.prepared(work[0], first ? dealer_window_bytes : 0, first ? 0 : dealer_window_bytes);
    CHECK(d.handed_out().empty());
    // The other link's bytes make no room.
    d.tell(Drained{first ? PartyId::server1 : PartyId::server0, 1000});
    CHECK(d.handed_out().empty());
    d.tell(Drained{first ? PartyId::server0 : PartyId::server1, 1});
    CHECK(d.handed_out().size() == 1);
  }
}

TEST_CASE("what may not be said to a dealer ends the session") {
  Dealer d;
  d.tell(Begin{});
  d.want(PartyId::server0, 1);
  const auto number = wire::encode(wire::Number{1});
  SUBCASE("a wish of who is no server") {
    d.tell(arrived(PartyId::client, Kind::want, 0, number));
  }
  SUBCASE("another message") {
    d.tell(arrived(PartyId::server1, Kind::pack_ready, 0, number));
  }
  SUBCASE("a wish that cannot be read") {
    d.tell(arrived(PartyId::server1, Kind::want, 0, {1, 2, 3}));
  }
  const auto failed = d.supervisor.take<SessionFailed>();
  REQUIRE(failed);
  CHECK(failed->error.fault == protocol::Fault::violation);
  CHECK(d.announced() == 0);
}

TEST_CASE("a pack's keys are held until its last band is dealt, and by a helper beyond that") {
  Dealer d;
  d.tell(Begin{});
  d.want(PartyId::server0, 1);
  d.want(PartyId::server1, 1);
  std::weak_ptr<const protocol::PackKeys> keys;
  {
    const auto announced = d.helper.take<PackAnnounced>();
    REQUIRE(announced);
    REQUIRE(announced->keys);
    CHECK(announced->keys->pack() == 41);
    keys = announced->keys;
  }
  for (auto& layer : d.layers) {
    const auto work = layer.take<PrepareBands>();
    REQUIRE(work);
    CHECK(work->keys == keys.lock());
  }
  for (auto& layer : d.layers) layer.forget();
  for (std::size_t band = 0; band < bands; ++band) {
    CHECK_FALSE(keys.expired());
    d.prepared(protocol::making(0, 41));
  }
  CHECK(keys.expired());
}
