#include "actors/serve/scheduler.h"

#include <doctest/doctest.h>

#include "actors/serve/messages.h"
#include "tests/actors/support/stage.h"

using namespace blindsight;
using namespace blindsight::actors;
using namespace blindsight::test;
using monitoring::Outcome;
using protocol::Fault;
using protocol::PackId;
using protocol::PartyId;
using wire::Kind;
using wire::QueryId;

namespace {

constexpr std::size_t values = 5;
constexpr std::size_t server1 = 1, producer = 2;
using namespace std::chrono_literals;

QueryId query(std::uint8_t number) {
  return {number};
}

/// A scheduler all of whose neighbours are roles.
struct Scheduler {
  explicit Scheduler(PartyId party, bool producer_online = false) : core(fake_core(party)) {
    core->producer_online = producer_online;
    for (std::size_t i = 0; i < 3; ++i) core->links[i] = links[i].actor();
    std::vector<caf::actor> actors;
    for (auto& layer : layers) actors.push_back(layer.actor());
    scheduler =
        stage.keep(spawn_scheduler(stage.system(), core, actors, store.actor(), {.max_queries = 2, .timeout = 1000ms},
                                   supervisor.actor(), front_end.actor()));
  }

  Role& peer() { return links[core->self == PartyId::server0 ? 1 : 0]; }
  PartyId peer_id() const { return protocol::other(core->self); }

  template <class Message>
  void tell(Message message) {
    stage.tell(scheduler, std::move(message));
  }
  void submit(std::uint8_t number, std::size_t bytes = 0) {
    tell(SubmitQuery{query(number), job, Parcel(protocol::Payload(bytes == 0 ? core->input_share_bytes : bytes)),
                     client.actor(), false});
  }
  void peer_says(Kind kind, std::uint8_t number, PackId pack = 0) { says(peer_id(), kind, number, pack); }
  void says(PartyId from, Kind kind, std::uint8_t number, PackId pack = 0) {
    auto payload = kind == Kind::query_cancelled
                       ? wire::encode(wire::Failure{query(number), {Fault::violation, "it said no"}})
                       : wire::encode(wire::QueryName{query(number), peers_job});
    tell(arrived(from, kind, pack, std::move(payload)));
  }
  Pack pack(PackId id) const {
    Pack p;
    p.id = id;
    p.compute_s.resize(values);
    p.dealt_bytes.resize(values);
    p.materials.resize(values);
    return p;
  }
  /// The store's answer to the oldest request; false when there is none.
  bool grant_any(PackId id) {
    return store.answer<TakeAnyPack>([&](TakeAnyPack) { return PackGranted{Parcel(pack(id))}; }).has_value();
  }
  /// The pack that server 1's store was asked for, which it gives, or refuses.
  PackId grant_asked(bool there = true) {
    const auto asked = store.answer<TakePack>(
        [&](TakePack asked_for) { return PackGranted{Parcel(pack(there ? asked_for.pack : 0))}; });
    REQUIRE(asked);
    return asked->pack;
  }
  /// The number of the oldest request that the store was told to forget; 0 when it was not.
  std::uint64_t withdrawn() {
    const auto withdrawn = store.take<WithdrawTake>();
    return withdrawn ? withdrawn->taker : 0;
  }
  /// The pack with which a query began at all layers; 0 when none did.
  PackId begun() {
    PackId id = 0;
    for (auto& layer : layers) {
      const auto begin = layer.take<BeginQuery>();
      if (!begin) return 0;
      id = begin->pack;
      inference = begin->inference;
    }
    return id;
  }
  /// Takes a query to where it runs.
  void run(std::uint8_t number, PackId id) {
    submit(number);
    if (core->self == PartyId::server0) {
      peer_says(Kind::query_pending, number);
      REQUIRE(grant_any(id));
    } else {
      peer_says(Kind::query_start, number, id);
      CHECK(grant_asked() == id);
    }
    REQUIRE(begun() == id);
    forget();
  }
  /// What was told so far, but not what was asked of the store.
  void forget() {
    for (auto& link : links) link.forget();
    client.forget();
    front_end.forget();
    while (store.take<QueryLoad>()) {
    }
  }
  /// What a link was told of the query: kind and pack. An error's kind, if it was cancelled.
  void check_told(std::size_t link, Kind kind, std::uint8_t number, PackId id) {
    const auto message = links[link].sent();
    REQUIRE(message);
    CHECK(message->header == wire::control_header(kind, core->session, id));
    if (kind == Kind::query_cancelled)
      CHECK(wire::decode<wire::Failure>(message->payload)->query == query(number));
    else
      CHECK(wire::decode<wire::QueryName>(message->payload)->query == query(number));
  }
  /// The pack that the store and all layers were told to burn; 0 when they were not.
  PackId burned() {
    const auto burn = store.take<BurnPack>();
    if (!burn) return 0;
    for (auto& layer : layers) {
      const auto drop = layer.take<DropPack>();
      CHECK((drop && drop->pack == burn->pack));
      // The inference says so, too, when it was running.
      while (layer.take<DropPack>()) {
      }
    }
    return burn->pack;
  }
  /// The failure that the client was told of the query, which the front end was told of, too.
  protocol::Error failed(std::uint8_t number, Outcome outcome) {
    const auto told = client.sent_failure();
    REQUIRE(told);
    CHECK(told->query == query(number));
    const auto closed = front_end.take<QueryClosed>();
    REQUIRE(closed);
    CHECK(closed->query == query(number));
    CHECK(closed->outcome == outcome);
    CHECK(closed->fault == told->error.fault);
    return told->error;
  }
  bool session_failed() {
    const auto failure = supervisor.take<SessionFailed>();
    return failure && failure->error.fault == Fault::violation;
  }

  Stage stage;
  std::shared_ptr<SessionCore> core;
  std::array<Role, 3> links{Role(stage), Role(stage), Role(stage)};
  std::array<Role, values> layers{Role(stage), Role(stage), Role(stage), Role(stage), Role(stage)};
  Role store{stage}, supervisor{stage}, front_end{stage}, client{stage}, other_client{stage};
  caf::actor scheduler, inference;
  wire::JobDigest job{1}, peers_job{1};  ///< of the header here, and as the peer says
};

}  // namespace

TEST_CASE("server 0 begins a query when both shares are there and a pack is, whichever share comes first") {
  for (const bool here_first : {true, false}) {
    Scheduler s(PartyId::server0);
    if (here_first) s.submit(1);
    CHECK_FALSE(s.grant_any(5));
    s.peer_says(Kind::query_pending, 1);
    if (!here_first) {
      CHECK_FALSE(s.grant_any(5));
      s.submit(1);
    }
    CHECK(s.begun() == 0);
    REQUIRE(s.grant_any(5));
    CHECK_FALSE(s.grant_any(6));
    s.check_told(server1, Kind::query_start, 1, 5);
    CHECK(s.links[producer].left() == 0);
    CHECK(s.begun() == 5);
  }
}

TEST_CASE("server 0 begins queries in the order in which they came") {
  Scheduler s(PartyId::server0);
  s.submit(2);
  s.submit(1);
  s.peer_says(Kind::query_pending, 1);
  s.peer_says(Kind::query_pending, 2);
  REQUIRE(s.grant_any(5));
  REQUIRE(s.grant_any(6));
  s.check_told(server1, Kind::query_start, 1, 5);
  s.check_told(server1, Kind::query_start, 2, 6);
}

TEST_CASE("server 1 says that a share is there, and begins with the pack that server 0 names") {
  Scheduler s(PartyId::server1);
  s.submit(1);
  s.check_told(0, Kind::query_pending, 1, 0);
  s.peer_says(Kind::query_start, 1, 8);
  CHECK(s.begun() == 0);
  CHECK(s.grant_asked() == 8);
  CHECK(s.begun() == 8);
  CHECK(s.peer().left() == 0);
}

TEST_CASE("a producer that helps online is told when a query begins and when it fails") {
  Scheduler s(PartyId::server0, true);
  s.submit(1);
  s.peer_says(Kind::query_pending, 1);
  REQUIRE(s.grant_any(5));
  s.check_told(producer, Kind::query_start, 1, 5);
  REQUIRE(s.begun() == 5);
  s.stage.tell(s.inference, StepFailed{Phase::online, protocol::making(1, 5), {Fault::internal, "broken"}});
  s.check_told(producer, Kind::query_cancelled, 1, 5);
}

TEST_CASE("server 1 has no share for a start, or no pack: the query does not begin, and the pack is burned") {
  Scheduler s(PartyId::server1);
  s.peer_says(Kind::query_start, 1, 8);
  s.check_told(0, Kind::query_cancelled, 1, 8);
  CHECK(s.burned() == 8);

  s.submit(2);
  s.forget();
  s.peer_says(Kind::query_start, 2, 8);
  CHECK(s.grant_asked(false) == 8);
  CHECK(s.begun() == 0);
  s.check_told(0, Kind::query_cancelled, 2, 8);
  CHECK(s.failed(2, Outcome::failed).fault == Fault::internal);
}

TEST_CASE("a query that ends well closes, and its place is free") {
  Scheduler s(PartyId::server0);
  s.run(1, 5);
  s.tell(QueryEnded{query(1), 5});
  const auto closed = s.front_end.take<QueryClosed>();
  REQUIRE(closed);
  CHECK(closed->outcome == Outcome::ok);
  CHECK(s.burned() == 0);
  CHECK(s.peer().left() == 0);
  const auto load = s.store.take<QueryLoad>();
  REQUIRE(load);
  CHECK(load->running == 0);
  CHECK(load->packs_received == 1);
}

TEST_CASE("a query that fails is told the peer, and its pack is burned") {
  for (const auto party : {PartyId::server0, PartyId::server1}) {
    Scheduler s(party);
    s.run(1, 5);
    s.stage.tell(s.inference, StepFailed{Phase::online, protocol::making(1, 5), {Fault::violation, "broken"}});
    CHECK(s.failed(1, Outcome::failed).fault == Fault::violation);
    s.check_told(static_cast<std::size_t>(s.peer_id()), Kind::query_cancelled, 1, 5);
    CHECK(s.burned() == 5);
  }
}

TEST_CASE("what the peer cancels ends here with the peer's reason, and the peer is not told again") {
  for (const auto party : {PartyId::server0, PartyId::server1}) {
    Scheduler running(party);
    running.run(1, 5);
    running.peer_says(Kind::query_cancelled, 1, 5);
    CHECK(running.failed(1, Outcome::failed).fault == Fault::violation);
    CHECK(running.peer().left() == 0);
    CHECK(running.burned() == 5);

    Scheduler waiting(party);
    waiting.submit(1);
    waiting.forget();
    waiting.peer_says(Kind::query_cancelled, 1);
    CHECK(waiting.failed(1, Outcome::failed).fault == Fault::violation);
    // Server 1 follows with its own, behind the query_pending that may still be on its way.
    if (party == PartyId::server1)
      waiting.check_told(0, Kind::query_cancelled, 1, 0);
    else
      CHECK(waiting.peer().left() == 0);
    CHECK(waiting.burned() == 0);
  }
  Scheduler unknown(PartyId::server0);
  unknown.peer_says(Kind::query_cancelled, 1, 7);
  CHECK(unknown.burned() == 7);
}

TEST_CASE("a server that cancels a pack that another query uses ends the session, and the pack is not burned") {
  for (const auto party : {PartyId::server0, PartyId::server1}) {
    Scheduler s(party);
    s.run(1, 5);
    s.peer_says(Kind::query_cancelled, 2, 5);
    CHECK(s.session_failed());
    CHECK(s.burned() == 0);
  }
}

TEST_CASE("what a helping producer cancels ends at both servers by its own word") {
  for (const auto party : {PartyId::server0, PartyId::server1}) {
    Scheduler s(party, true);
    s.run(1, 5);
    s.says(PartyId::producer, Kind::query_cancelled, 1, 5);
    CHECK(s.failed(1, Outcome::failed).fault == Fault::violation);
    CHECK(s.burned() == 5);
  }
  Scheduler other_pack(PartyId::server0, true);
  other_pack.run(1, 5);
  other_pack.says(PartyId::producer, Kind::query_cancelled, 2, 5);
  CHECK(other_pack.session_failed());
}

TEST_CASE("a query that cannot be taken is refused with the kind of the reason, and nobody else hears of it") {
  Scheduler s(PartyId::server1);
  s.submit(1, s.core->input_share_bytes + 1);
  CHECK(s.failed(1, Outcome::refused).fault == Fault::violation);
  s.submit(1);
  s.forget();
  s.submit(1);
  CHECK(s.failed(1, Outcome::refused).fault == Fault::refused);
  s.submit(2);
  s.forget();
  s.submit(3);
  const auto busy = s.failed(3, Outcome::refused);
  CHECK(busy.fault == Fault::busy);
  CHECK(busy.retry_after_ms);
  CHECK(s.peer().left() == 0);
}

TEST_CASE("a client gives up its own queries only, whether they wait or run") {
  for (const bool running : {true, false}) {
    Scheduler s(PartyId::server0);
    if (running)
      s.run(1, 5);
    else
      s.submit(1);
    s.forget();
    s.tell(CancelQuery{query(1), s.other_client.actor()});
    s.tell(CancelQuery{query(2), s.client.actor()});
    CHECK(s.client.left() + s.front_end.left() + s.peer().left() == 0);
    s.tell(CancelQuery{query(1), s.client.actor()});
    CHECK(s.failed(1, Outcome::cancelled).fault == Fault::refused);
    s.check_told(server1, Kind::query_cancelled, 1, running ? 5 : 0);
    CHECK(s.burned() == (running ? 5 : 0));
  }
}

TEST_CASE("a client that is gone gives up all that it asked") {
  Scheduler s(PartyId::server0);
  s.run(1, 5);
  s.submit(2);
  s.forget();
  s.tell(ClientGone{s.other_client.actor()});
  CHECK(s.peer().left() == 0);
  s.tell(ClientGone{s.client.actor()});
  CHECK(s.failed(2, Outcome::cancelled).fault == Fault::peer_lost);
  CHECK(s.failed(1, Outcome::cancelled).fault == Fault::peer_lost);
  s.check_told(server1, Kind::query_cancelled, 2, 0);
  s.check_told(server1, Kind::query_cancelled, 1, 5);
}

TEST_CASE("a query does not wait longer than its time, at either server") {
  for (const auto party : {PartyId::server0, PartyId::server1}) {
    Scheduler s(party);
    s.submit(1);
    s.forget();
    s.stage.pass(999ms);
    CHECK(s.client.left() == 0);
    s.stage.pass(1ms);
    CHECK(s.failed(1, Outcome::failed).fault == Fault::timed_out);
    s.check_told(static_cast<std::size_t>(s.peer_id()), Kind::query_cancelled, 1, 0);
  }
}

TEST_CASE("a query that runs has its time and no more") {
  for (const auto party : {PartyId::server0, PartyId::server1}) {
    Scheduler s(party);
    s.run(1, 5);
    s.stage.pass(999ms);
    CHECK(s.client.left() == 0);
    s.stage.pass(1ms);
    CHECK(s.failed(1, Outcome::failed).fault == Fault::timed_out);
  }
}

TEST_CASE("the time of a query that runs begins when it has its pack") {
  Scheduler s(PartyId::server0);
  s.submit(1);
  s.peer_says(Kind::query_pending, 1);
  s.stage.pass(900ms);
  REQUIRE(s.grant_any(5));
  REQUIRE(s.begun() == 5);
  s.forget();
  s.stage.pass(900ms);
  CHECK(s.client.left() == 0);
  s.stage.pass(100ms);
  CHECK(s.failed(1, Outcome::failed).fault == Fault::timed_out);
}

TEST_CASE("a query that is over is out of memory at once, not when its time would have been up") {
  Scheduler s(PartyId::server0);
  s.run(1, 5);
  const auto inference = caf::actor_cast<caf::weak_actor_ptr>(s.inference);
  s.tell(CancelQuery{query(1), s.client.actor()});
  CHECK(s.failed(1, Outcome::cancelled).fault == Fault::refused);
  s.inference = nullptr;
  for (auto& layer : s.layers) layer.forget();
  s.forget();
  s.stage.settle();
  CHECK_FALSE(inference.lock());
}

TEST_CASE("a pack that comes for a query that went is the next one's, and burned at both servers if there is none") {
  Scheduler s(PartyId::server0);
  for (const std::uint8_t number : {1, 2}) {
    s.submit(number);
    s.peer_says(Kind::query_pending, number);
  }
  s.tell(CancelQuery{query(1), s.client.actor()});
  CHECK(s.withdrawn() == 1);
  s.forget();
  REQUIRE(s.grant_any(5));
  s.check_told(server1, Kind::query_start, 2, 5);
  // It waits for its own no more, but that may be on its way, too.
  CHECK(s.withdrawn() == 2);
  REQUIRE(s.grant_any(6));
  const auto message = s.peer().sent();
  REQUIRE(message);
  CHECK(message->header == wire::control_header(Kind::query_cancelled, s.core->session, 6));
  CHECK(s.burned() == 6);
}

TEST_CASE("a query that ends while it waits for a pack waits for none any more, however it ends") {
  for (const bool given_up : {true, false}) {
    Scheduler s(PartyId::server0);
    s.submit(1);
    s.peer_says(Kind::query_pending, 1);
    if (given_up)
      s.tell(CancelQuery{query(1), s.client.actor()});
    else
      s.stage.pass(1000ms);
    CHECK(s.withdrawn() == 1);
    // The store's answer to that is no pack.
    s.forget();
    REQUIRE(s.grant_any(0));
    CHECK(s.peer().left() == 0);
    CHECK(s.burned() == 0);
  }
  Scheduler in_time(PartyId::server0);
  in_time.run(1, 5);
  CHECK(in_time.withdrawn() == 0);
}

TEST_CASE("an inference that ends without a word fails its query") {
  Scheduler s(PartyId::server0);
  s.run(1, 5);
  s.stage.end(s.inference);
  CHECK(s.failed(1, Outcome::failed).fault == Fault::internal);
  s.check_told(server1, Kind::query_cancelled, 1, 5);
  CHECK(s.burned() == 5);
}

TEST_CASE("the end of the session is the end of all queries, with its reason") {
  Scheduler s(PartyId::server0);
  s.run(1, 5);
  s.submit(2);
  s.forget();
  s.tell(EndSession{{Fault::not_serving, "a deployment", 500}});
  const auto waited = s.failed(2, Outcome::failed), ran = s.failed(1, Outcome::failed);
  CHECK(waited.fault == Fault::not_serving);
  CHECK(ran.fault == Fault::not_serving);
  // Only of a query of which nothing has run is it said when to ask again.
  CHECK(waited.retry_after_ms == 500);
  CHECK_FALSE(ran.retry_after_ms);
  CHECK(s.client.left() == 0);
  s.submit(3);
  CHECK(s.client.left() == 0);
}

TEST_CASE("what may not be said to a scheduler ends the session") {
  Scheduler leader(PartyId::server0), follower(PartyId::server1);
  leader.peer_says(Kind::query_start, 1, 5);
  CHECK(leader.session_failed());
  leader.says(PartyId::producer, Kind::query_pending, 1);
  CHECK(leader.session_failed());
  leader.says(PartyId::producer, Kind::query_cancelled, 1, 5);
  CHECK(leader.session_failed());
  leader.tell(arrived(PartyId::server1, Kind::query_pending, 0, {1, 2, 3}));
  CHECK(leader.session_failed());
  leader.tell(arrived(PartyId::server1, Kind::query_cancelled, 0, {1, 2, 3}));
  CHECK(leader.session_failed());
  follower.peer_says(Kind::query_pending, 1);
  CHECK(follower.session_failed());
}

TEST_CASE("server 0 refuses what waits at server 1 beyond a bound as busy, and the session goes on") {
  Scheduler s(PartyId::server0);
  for (std::uint8_t i = 1; i <= 8; ++i) s.peer_says(Kind::query_pending, i);
  CHECK(s.peer().left() == 0);
  s.peer_says(Kind::query_pending, 9);
  const auto refused = s.peer().sent_failure(Kind::query_cancelled);
  REQUIRE(refused);
  CHECK(refused->query == query(9));
  CHECK(refused->error.fault == Fault::busy);
  CHECK(refused->error.retry_after_ms);
  CHECK_FALSE(s.session_failed());
  // One of them is over: there is room again.
  s.peer_says(Kind::query_cancelled, 1);
  s.peer_says(Kind::query_pending, 10);
  CHECK(s.peer().left() == 0);
}

TEST_CASE("server 1 passes on to its client that server 0 is busy, and when to ask again") {
  Scheduler s(PartyId::server1);
  s.submit(1);
  s.forget();
  s.tell(arrived(PartyId::server0, Kind::query_cancelled, 0,
                 wire::encode(wire::Failure{query(1), {Fault::busy, "too much", 100}})));
  const auto told = s.failed(1, Outcome::failed);
  CHECK(told.fault == Fault::busy);
  CHECK(told.retry_after_ms == 100);
}

TEST_CASE("halves of two jobs under one id are refused at both servers before they cost a pack, in either order") {
  for (const bool ours_first : {true, false}) {
    Scheduler s(PartyId::server0);
    s.peers_job = {2};
    if (ours_first) s.submit(1);
    s.peer_says(Kind::query_pending, 1);
    if (!ours_first) s.submit(1);
    CHECK(s.failed(1, Outcome::refused).fault == Fault::refused);
    const auto told = s.peer().sent_failure(Kind::query_cancelled);
    REQUIRE(told);
    CHECK(told->query == query(1));
    CHECK(told->error.fault == Fault::refused);
    CHECK_FALSE(s.grant_any(5));
    // The id may be used again, by halves that belong together.
    s.peers_job = s.job;
    s.forget();
    s.submit(1);
    s.peer_says(Kind::query_pending, 1);
    CHECK(s.grant_any(6));
    CHECK(s.begun() == 6);
  }
}

TEST_CASE("server 1 does not believe server 0 that two halves are of one job") {
  Scheduler s(PartyId::server1);
  s.submit(1);
  s.forget();
  s.peers_job = {2};
  s.peer_says(Kind::query_start, 1, 5);
  CHECK(s.failed(1, Outcome::refused).fault == Fault::refused);
  s.check_told(0, Kind::query_cancelled, 1, 5);
  CHECK(s.burned() == 5);
  CHECK(s.begun() == 0);
}
