#include "actors/session/machine.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/text.h"

using namespace blindsight;
using namespace blindsight::actors::session;
using namespace std::chrono_literals;
using protocol::Error;
using protocol::Fault;
using tests::contains;

namespace {

constexpr auto S0 = PartyId::server0, S1 = PartyId::server1, D = PartyId::producer;
constexpr Heartbeat heartbeat{1000ms, 5000ms};
constexpr std::size_t layers = 3;

wire::Confirm confirm(std::uint8_t session, protocol::ModelNumber model = 1) {
  return {{session}, model};
}

/// The machine of server 0, and its clock.
struct Bench {
  std::vector<Action> on(const Event& e) { return machine.on(e, now); }
  /// All that it does while time passes and nothing else happens, tick by tick.
  std::vector<Action> pass(std::chrono::milliseconds time) {
    std::vector<Action> all;
    for (const auto until = now + time; now < until;) {
      now += heartbeat.tick();
      for (auto& a : on(event::Tick{})) all.push_back(std::move(a));
    }
    return all;
  }
  /// Peers that answer while time passes, each at once; what else the machine does.
  std::vector<Action> pass_with(const std::vector<PartyId>& alive, std::chrono::milliseconds time) {
    std::vector<Action> others;
    for (const auto until = now + time; now < until;)
      for (auto& a : pass(heartbeat.tick())) {
        const auto* ping = std::get_if<action::SendPing>(&a);
        if (ping == nullptr) {
          others.push_back(std::move(a));
        } else if (std::ranges::find(alive, ping->peer) != alive.end()) {
          CHECK(on(event::Ponged{ping->peer, ping->number}).empty());
        }
      }
    return others;
  }
  void both_arrive() {
    on(event::PeerHere{D});
    on(event::PeerHere{S1});
  }
  void serve() {
    both_arrive();
    on(event::Prepared{confirm(1), layers});
    on(event::Confirmed{S1, confirm(1)});
    on(event::Confirmed{D, confirm(1)});
    for (std::size_t i = 0; i < layers; ++i) on(event::LayerSetUp{});
    REQUIRE(machine.established());
  }

  Time now{1h};
  SessionMachine machine{S0, heartbeat, now};
};

template <class A>
std::size_t count(const std::vector<Action>& actions) {
  return static_cast<std::size_t>(
      std::ranges::count_if(actions, [](const auto& a) { return std::holds_alternative<A>(a); }));
}

/// The only thing that is to be done.
template <class A>
A only(const std::vector<Action>& actions) {
  REQUIRE(actions.size() == 1);
  REQUIRE(std::holds_alternative<A>(actions[0]));
  return std::get<A>(actions[0]);
}

const Error broken{Fault::peer_lost, "broken"};

}  // namespace

TEST_CASE(
    "a session is agreed when both peers are here, established by equal confirms, served when all layers are set up") {
  Bench b;
  CHECK(only<action::Welcome>(b.on(event::PeerHere{S1})).peer == S1);
  CHECK_FALSE(b.machine.both_here());
  const auto second = b.on(event::PeerHere{D});
  REQUIRE(second.size() == 2);
  CHECK(std::holds_alternative<action::Welcome>(second[0]));
  CHECK(std::holds_alternative<action::Agree>(second[1]));
  CHECK(b.machine.both_here());
  // Whoever is ready first, in any order.
  SUBCASE("a peer first") {
    CHECK(b.on(event::Confirmed{D, confirm(1)}).empty());
    CHECK(b.on(event::Prepared{confirm(1), layers}).empty());
    only<action::Establish>(b.on(event::Confirmed{S1, confirm(1)}));
  }
  SUBCASE("this party last") {
    CHECK(b.on(event::Confirmed{D, confirm(1)}).empty());
    CHECK(b.on(event::Confirmed{S1, confirm(1)}).empty());
    only<action::Establish>(b.on(event::Prepared{confirm(1), layers}));
  }
  CHECK(b.machine.established());
  for (std::size_t i = 0; i + 1 < layers; ++i) CHECK(b.on(event::LayerSetUp{}).empty());
  only<action::Serve>(b.on(event::LayerSetUp{}));
  CHECK(b.on(event::LayerSetUp{}).empty());
}

TEST_CASE("a session of which nothing is served is established and held idle") {
  Bench b;
  b.both_arrive();
  b.on(event::Prepared{confirm(1, 0), 0});
  b.on(event::Confirmed{S1, confirm(1, 0)});
  only<action::Establish>(b.on(event::Confirmed{D, confirm(1, 0)}));
  CHECK(b.machine.established());
  CHECK(b.on(event::LayerSetUp{}).empty());
}

TEST_CASE("confirms that differ, and a second one, end the session as violations") {
  Bench b;
  b.both_arrive();
  b.on(event::Prepared{confirm(1), layers});
  b.on(event::Confirmed{S1, confirm(1)});
  Error why;
  SUBCASE("another session") {
    why = only<action::EndSession>(b.on(event::Confirmed{D, confirm(2)})).why;
  }
  SUBCASE("another number") {
    why = only<action::EndSession>(b.on(event::Confirmed{D, confirm(1, 2)})).why;
  }
  SUBCASE("twice") {
    why = only<action::EndSession>(b.on(event::Confirmed{S1, confirm(1)})).why;
  }
  CHECK(why.fault == Fault::violation);
  CHECK_FALSE(b.machine.established());
  CHECK_FALSE(b.machine.is_here(S1));
  CHECK_FALSE(b.machine.is_here(D));
}

TEST_CASE("a session ends once, whoever ends it, and the parties begin anew") {
  Bench b;
  b.serve();
  bool failure = true;
  std::vector<Action> done;
  SUBCASE("a link is lost") {
    done = b.on(event::PeerLost{D, broken});
  }
  SUBCASE("a peer ends it") {
    done = b.on(event::PeerEnded{broken});
  }
  SUBCASE("this party ends it") {
    done = b.on(event::End{broken});
  }
  SUBCASE("a deployment ends it") {
    done = b.on(event::End{broken, false});
    failure = false;
  }
  const auto end = only<action::EndSession>(done);
  CHECK(end.why == broken);
  CHECK(end.was_established);
  CHECK(end.failure == failure);
  CHECK(end.failures == (failure ? 1 : 0));
  // The other link goes with it, which is no news.
  CHECK(b.on(event::PeerLost{S1, broken}).empty());
  CHECK(b.on(event::Confirmed{S1, confirm(1)}).empty());
  CHECK(b.on(event::Prepared{confirm(1), layers}).empty());
  CHECK(b.on(event::LayerSetUp{}).empty());
  b.serve();
}

TEST_CASE("failures are counted until a session is set up") {
  Bench b;
  for (unsigned failures = 1; failures <= 3; ++failures) {
    b.both_arrive();
    CHECK(only<action::EndSession>(b.on(event::PeerLost{D, broken})).failures == failures);
  }
  // An end of which nobody is told counts for nothing.
  CHECK(only<action::EndSession>(b.on(event::End{broken})).failures == 3);
  b.serve();
  CHECK(only<action::EndSession>(b.on(event::PeerLost{D, broken})).failures == 1);
}

TEST_CASE("a party that stops ends its session and begins none any more") {
  Bench b;
  b.serve();
  CHECK(only<action::EndSession>(b.on(event::Stop{broken})).was_established);
  CHECK(b.on(event::PeerHere{S1}).empty());
  CHECK(b.on(event::End{broken}).empty());
  CHECK(b.pass(20s).empty());
}

TEST_CASE("each peer is pinged once in an interval from when it is here, with numbers that rise, and nobody else") {
  Bench b;
  CHECK(b.pass(10s).empty());
  b.on(event::PeerHere{D});
  CHECK(count<action::SendPing>(b.pass(999ms - heartbeat.tick())) == 0);
  std::uint64_t last = 0;
  for (int i = 0; i < 10; ++i) {
    const auto ping = only<action::SendPing>(b.pass(i == 0 ? 2 * heartbeat.tick() : heartbeat.ping_interval));
    CHECK(ping.peer == D);
    CHECK(ping.number == ++last);
    CHECK(b.on(event::Ponged{D, ping.number}).empty());
  }
}

TEST_CASE("a ping is answered with its number, by a peer that is here") {
  Bench b;
  CHECK(b.on(event::Pinged{D, 7}).empty());
  b.on(event::PeerHere{D});
  const auto pong = only<action::SendPong>(b.on(event::Pinged{D, 7}));
  CHECK(pong.peer == D);
  CHECK(pong.number == 7);
}

TEST_CASE("a pong that answers no ping of ours is a violation, one that is late is not") {
  Bench b;
  b.on(event::PeerHere{D});
  CHECK(count<action::SendPing>(b.pass(3s)) == 3);
  CHECK(b.on(event::Ponged{D, 1}).empty());
  CHECK(b.on(event::Ponged{D, 2}).empty());
  std::uint64_t wrong = 0;
  SUBCASE("one that was not sent") {
    wrong = 4;
  }
  SUBCASE("one that was answered") {
    wrong = 2;
  }
  SUBCASE("none") {
    wrong = 0;
  }
  CHECK(only<action::EndSession>(b.on(event::Ponged{D, wrong})).why.fault == Fault::violation);
}

TEST_CASE("a peer that gives no sign of life for too long ends the session with its name, in every state") {
  Bench b;
  bool established = false;
  SUBCASE("while it is alone here") {
    b.on(event::PeerHere{D});
  }
  SUBCASE("while the session is confirmed") {
    b.both_arrive();
  }
  SUBCASE("while it serves") {
    b.serve();
    established = true;
  }
  CHECK(b.pass_with({S1, D}, 60s).empty());
  // Its last answer may be an interval old by now.
  CHECK(b.pass_with({S1}, heartbeat.silence - heartbeat.ping_interval - heartbeat.tick()).empty());
  const auto end = only<action::EndSession>(b.pass_with({S1}, heartbeat.ping_interval + 2 * heartbeat.tick()));
  CHECK(end.why.fault == Fault::peer_lost);
  CHECK(contains(end.why.what, "crypto producer has not answered server0 for 5.0 s"));
  CHECK_FALSE(contains(end.why.what, "server1"));
  CHECK(end.was_established == established);
  CHECK(end.failure);
  CHECK_FALSE(b.machine.is_here(D));
}

TEST_CASE("whatever a node sends is a sign of life") {
  Bench b;
  b.on(event::PeerHere{D});
  for (int i = 0; i < 10; ++i) {
    CHECK(count<action::EndSession>(b.pass(heartbeat.silence - heartbeat.ping_interval)) == 0);
    if (i % 2 == 0)
      b.on(event::Pinged{D, 1});
    else
      b.on(event::Heard{D});
  }
  CHECK(count<action::EndSession>(b.pass(heartbeat.silence)) == 1);
}

TEST_CASE("a party that stood still itself accuses nobody of it, and notices silence all the same") {
  Bench b;
  b.serve();
  b.now += 10min;
  CHECK(count<action::EndSession>(b.on(event::Tick{})) == 0);
  // What had come meanwhile is read after that.
  CHECK(count<action::EndSession>(b.pass_with({S1, D}, 20s)) == 0);
  b.now += 10min;
  CHECK(count<action::EndSession>(b.pass_with({S1}, heartbeat.silence + heartbeat.ping_interval)) == 1);
}

TEST_CASE("another process of a role takes the place of one that is silent, and is turned away from one that is not") {
  Bench b;
  b.serve();
  CHECK(b.pass_with({S1, D}, 10s).empty());
  const auto away = only<action::TurnAway>(b.on(event::PeerHere{S1}));
  CHECK(away.peer == S1);
  CHECK(away.why.fault == Fault::refused);
  CHECK(contains(away.why.what, "another server1 is connected to server0 already"));
  CHECK(b.machine.established());

  CHECK(b.pass_with({D}, heartbeat.patience_with_a_second()).empty());
  // Whom this party has dialed itself is at the same address.
  CHECK(count<action::TurnAway>(b.on(event::PeerHere{S1, true})) == 1);
  const auto done = b.on(event::PeerHere{S1});
  REQUIRE(done.size() == 2);
  REQUIRE(std::holds_alternative<action::EndSession>(done[0]));
  const auto& why = std::get<action::EndSession>(done[0]).why;
  CHECK(why.fault == Fault::peer_lost);
  CHECK(contains(why.what, "server1 has not answered server0 for"));
  CHECK(contains(why.what, "took its place"));
  REQUIRE(std::holds_alternative<action::Welcome>(done[1]));
  CHECK(b.machine.is_here(S1));
  CHECK_FALSE(b.machine.is_here(D));
  only<action::Welcome>(std::vector{b.on(event::PeerHere{D}).at(0)});
}
