#include "actors/supervisor.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "actors/serve/deployment.h"
#include "actors/session/handshake.h"
#include "net/blocking_link.h"
#include "net/identities.h"
#include "net/key_file.h"
#include "tests/actors/support/three_parties.h"
#include "tests/support/sanitized.h"
#include "wire/control.h"
#include "wire/envelope.h"

using namespace blindsight;
using namespace blindsight::test;

namespace {

std::vector<char> framed(wire::Kind kind, protocol::Payload payload) {
  wire::Outgoing out({wire::control_header(kind), std::move(payload)}, 0);
  std::vector<char> bytes;
  while (!out.finished()) out.append_frame(4096, bytes);
  return bytes;
}

/// The crypto producer's links to both servers, in the test's hands and by the producer's own key.
class OwnProducer {
 public:
  /// In the place of the producer of `three`, which does not run. Tries until both servers have confirmed a session.
  explicit OwnProducer(ThreeParties& three) : parties_(three.neighbourhood().parties) {
    for (int tries = 0; tries < 10'000; ++tries) {
      if (agree()) return;
      links_.clear();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    FAIL("the servers confirm no session");
  }

  const wire::Confirm& of_server(std::size_t server) const { return confirms_[server]; }
  void confirm(const wire::Confirm& confirm) {
    for (auto& link : links_) REQUIRE(link.link.send(framed(wire::Kind::confirm, wire::encode(confirm))));
  }
  /// What a server sends next, but for pings, which are not answered; none when it has closed.
  std::optional<wire::Message> next(std::size_t server) {
    for (;;) {
      auto message = next_of_all(server);
      if (!message || message->header.kind != wire::Kind::ping) return message;
    }
  }
  /// Answers the next ping of a server. False when it ends the session or closes.
  bool answer_ping(std::size_t server) {
    for (;;) {
      auto message = next_of_all(server);
      if (!message || message->header.kind == wire::Kind::session_ended) return false;
      if (message->header.kind == wire::Kind::ping)
        return links_[server].link.send(framed(wire::Kind::pong, std::move(message->payload))).has_value();
    }
  }

 private:
  std::optional<wire::Message> next_of_all(std::size_t server) {
    auto& [link, reader, messages] = links_[server];
    while (messages.empty()) {
      const auto plain = link.receive(std::chrono::seconds(30));
      if (!plain || !reader.feed(*plain, messages)) return std::nullopt;
    }
    auto message = std::move(messages.front());
    messages.erase(messages.begin());
    return message;
  }

  struct Link {
    net::BlockingLink link;
    wire::Reader reader{{1 << 20, 1 << 20, 64}};
    std::vector<wire::Message> messages = {};
  };

  bool agree() {
    const auto& own = parties_[2];
    const auto tls = net::tls_context(own);
    const auto folder = actors::DeploymentFolder::open(own.data_dir, false);
    REQUIRE(tls);
    REQUIRE(folder);
    const actors::SessionKeyPair pair;
    std::array<wire::PublicKey, 3> keys{wire::PublicKey{}, wire::PublicKey{}, pair.public_key()};
    const wire::Hello hello{
        wire::version, "test", protocol::PartyId::producer, pair.public_key(), own.protocol, (*folder->current())->name,
        1 << 16};
    for (const std::size_t server : {0u, 1u}) {
      auto link =
          net::BlockingLink::connect(*parties_[server].listen.parties, *tls,
                                     {{static_cast<protocol::PartyId>(server)}, "a server"}, std::chrono::seconds(30));
      if (!link || !link->send(framed(wire::Kind::hello, wire::encode(hello)))) return false;
      links_.push_back({std::move(*link)});
      const auto answer = next(server);
      if (!answer || answer->header.kind != wire::Kind::hello) return false;
      keys[server] = wire::decode<wire::Hello>(answer->payload)->public_key;
    }
    for (const std::size_t server : {0u, 1u}) {
      const auto answer = next(server);
      if (!answer || answer->header.kind != wire::Kind::confirm) return false;
      confirms_[server] = *wire::decode<wire::Confirm>(answer->payload);
      if (confirms_[server].session != actors::session_id(keys)) return false;
    }
    return true;
  }

  const std::array<config::PartyConfig, 3>& parties_;
  std::vector<Link> links_;
  std::array<wire::Confirm, 2> confirms_;
};

}  // namespace

TEST_CASE("parties may start in any order, and a query before they are all there says who is missing") {
  constexpr std::size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  ThreeParties three;
  three.start_all();
  three.deploy(3);
  for (const auto& order : orders) {
    for (const std::size_t i : {0u, 1u, 2u}) three.stop(i);
    three.start(order[0]);
    three.start(order[1]);
    if (order[2] == 2) {
      const auto early = three.query(3, 9);
      REQUIRE_FALSE(early);
      CHECK(early.error().fault == protocol::Fault::not_serving);
      CHECK(early.error().retry_after_ms);
      CHECK(contains(early.error().what, "crypto producer"));
    }
    three.start(order[2]);
    three.wait_until_serving(3);
    const auto report = three.query(3, static_cast<std::uint32_t>(order[0] * 3 + order[1]));
    if (!report) FAIL(report.error().what);
  }
  check_no_mask_twice();
}

TEST_CASE(
    "a party that stops in the middle of a query fails it with its name, and the next query works when it is back") {
  for (const std::size_t victim : {2u, 1u, 0u}) {
    ThreeParties three;
    three.start_all();
    three.deploy(11);
    REQUIRE(three.query(11, 1));

    std::promise<void> stalled;
    std::atomic<bool> once{false};
    fake_hooks().on_stalled = [&] {
      if (!once.exchange(true)) stalled.set_value();
    };
    fake_hooks().stall_value = 2;
    auto answer = std::async(std::launch::async, [&] { return three.query(11, 2); });
    stalled.get_future().wait();
    three.stop(victim);
    const auto failed = answer.get();
    fake_hooks().stall_value = -1;
    REQUIRE_FALSE(failed);
    // It says that it stops, and does not just go.
    CHECK(failed.error().fault == protocol::Fault::not_serving);
    CHECK(contains(failed.error().what, victim == 2 ? "crypto producer" : victim == 1 ? "server1" : "server0"));

    three.start(victim);
    three.wait_until_serving(11);
    const auto report = three.query(11, 3);
    if (!report) FAIL(report.error().what);
    fake_hooks().on_stalled = {};
  }
  check_no_mask_twice();
}

TEST_CASE("a party without the others' deployment is named, and deploying again mends it") {
  ThreeParties three;
  three.start_all();
  three.deploy(4);
  three.stop(1);
  std::filesystem::remove_all(three.neighbourhood().parties[1].data_dir);
  three.start(1);
  auto serving = three.client().wait_until_serving(fake_plan(4), std::chrono::milliseconds(0));
  CHECK_FALSE(serving);
  // The servers say it as soon as all three are connected again.
  CHECK(says_while_not_serving(three.client(), config::Role::server0, "server1 has no model"));
  const auto refused = three.query(4, 1);
  CHECK_FALSE(refused);
  three.deploy(4);
  CHECK(three.query(4, 1));
}

TEST_CASE("two parties with the same role, or with different protocols, are told at both ends") {
  ThreeParties three;
  three.start_all();
  three.deploy(9);
  auto config = three.neighbourhood().parties[1];
  config.listen.parties->port = free_port();
  config.listen.clients.port = free_port();
  config.data_dir = three.neighbourhood().folder.path() / "second";
  auto registry = monitoring::Registry::null();
  auto client = three.neighbourhood().client;
  client.server1 = config.listen.clients;
  const auto wait_for = [&](const std::string& text, const protocol::Protocol& protocol = fake_protocol) {
    auto second = actors::Party::start(config, protocol, registry);
    REQUIRE(second);
    CHECK(says_while_not_serving(client::Client(client), config::Role::server1, text));
  };
  wait_for("another server1 is connected to server0 already");
  wait_for("server0 runs protocol fake, server1 runs fake-helped", fake_helped_protocol);
  // The three go on undisturbed.
  const auto report = three.query(9, 1);
  if (!report) FAIL(report.error().what);
}

TEST_CASE("strangers that speak another version, or anything else, are refused and nothing is lost") {
  ThreeParties three;
  three.start_all();
  three.deploy(9);
  const auto tls = net::tls_context(three.neighbourhood().client);
  REQUIRE(tls);
  const auto talk = [&](const std::vector<char>& bytes) -> std::optional<protocol::Fault> {
    auto link = net::BlockingLink::connect(three.neighbourhood().parties[0].listen.clients, *tls,
                                           {{protocol::PartyId::server0}, "server0"}, std::chrono::seconds(5));
    REQUIRE(link);
    REQUIRE(link->send(bytes));
    wire::Reader reader({4096, 65536, 4});
    std::vector<wire::Message> out;
    // Until the party closes; one that sends for ever fills the reader, one that is silent ends the wait.
    for (;;) {
      const auto plain = link->receive(std::chrono::seconds(30));
      if (!plain) {
        REQUIRE(plain.error().fault == protocol::Fault::peer_lost);
        break;
      }
      REQUIRE(reader.feed(*plain, out));
    }
    if (out.empty()) return std::nullopt;
    return wire::decode<wire::Failure>(out[0].payload)->error.fault;
  };
  wire::Hello hello;
  hello.wire_version = 99;
  hello.software_version = "7.7";
  hello.role = protocol::PartyId::client;
  hello.max_frame_bytes = 4096;
  CHECK(talk(framed(wire::Kind::hello, wire::encode(hello))) == protocol::Fault::usage);
  hello.wire_version = wire::version;
  hello.role = protocol::PartyId::server0;
  CHECK(talk(framed(wire::Kind::hello, wire::encode(hello))) == protocol::Fault::usage);
  CHECK(talk(framed(wire::Kind::hello, {1, 2, 3})) == protocol::Fault::violation);
  CHECK(talk(framed(wire::Kind::predict, {})) == protocol::Fault::violation);
  CHECK(talk({'G', 'E', 'T', ' ', '/', '\r', '\n'}) == std::nullopt);
  const auto metrics = three.registry(0).text();
  for (const auto* fault : {"usage", "violation"})
    CHECK(contains(metrics, "blindsight_connections_refused_total{fault=\"" + std::string(fault) +
                                "\",listener=\"clients\"} 2\n"));
  CHECK(contains(metrics, "blindsight_connections_refused_total{fault=\"usage\",listener=\"parties\"} 0\n"));
  const auto report = three.query(9, 1);
  if (!report) FAIL(report.error().what);
}

TEST_CASE("a client that says nothing has its share of places and no more, and parties are let in beside it") {
  ThreeParties three;
  three.start_all();
  three.deploy(9);
  const auto tls = net::tls_context(three.neighbourhood().client);
  REQUIRE(tls);
  std::vector<net::BlockingLink> silent;
  std::optional<protocol::Error> refused;
  // The silent ones are closed after some seconds: on a slow machine their places are free again in between.
  for (int i = 0; i < 1000 && !refused; ++i) {
    auto link = net::BlockingLink::connect(three.neighbourhood().parties[0].listen.clients, *tls,
                                           {{protocol::PartyId::server0}, "server0"}, std::chrono::seconds(30));
    if (!link) continue;  // beyond the rate of handshakes
    if (i >= 32) {
      wire::Reader reader({4096, 65536, 4});
      std::vector<wire::Message> out;
      const auto plain = link->receive(std::chrono::milliseconds(200));
      if (plain && reader.feed(*plain, out) && !out.empty() && out[0].header.kind == wire::Kind::refuse)
        refused = wire::decode<wire::Failure>(out[0].payload)->error;
    }
    silent.push_back(std::move(*link));
  }
  REQUIRE(refused);
  CHECK(refused->fault == protocol::Fault::busy);
  CHECK(refused->retry_after_ms);
  three.stop(1);
  three.start(1);
  three.wait_until_serving(9);
}

TEST_CASE("metrics say when a party's key expires, and that plain links are insecure") {
  for (const bool plain : {false, true}) {
    ThreeParties three([&](config::PartyConfig& c) { c.insecure_plaintext_links = plain; });
    three.start(2);
    const auto metrics = three.registry(2).text();
    CHECK(contains(metrics, std::string("\nblindsight_links_insecure ") + (plain ? "1" : "0") + '\n'));
    const auto key = net::load_key(three.neighbourhood().parties[2].key);
    REQUIRE(key);
    const auto expiry = std::chrono::system_clock::to_time_t(key->not_after());
    const std::string name = "\nblindsight_key_expiry_timestamp_seconds ";
    const auto at = metrics.find(name);
    REQUIRE(at != std::string::npos);
    CHECK(std::stod(metrics.substr(at + name.size())) == (plain ? 0 : static_cast<double>(expiry)));
  }
}

TEST_CASE("a session begins when all three serve the model under one number, and otherwise ends with who does not") {
  ThreeParties three;
  three.start_all();
  three.deploy(6);
  three.stop(2);
  for (const std::uint32_t number : {2u, 0u, 1u}) {
    CAPTURE(number);
    OwnProducer producer(three);
    for (const std::size_t server : {0u, 1u}) CHECK(producer.of_server(server).model == 1);
    auto confirm = producer.of_server(0);
    confirm.model = number;
    producer.confirm(confirm);
    std::size_t named = 0;
    for (const std::size_t server : {0u, 1u}) {
      const auto answer = producer.next(server);
      if (number == 1) {
        // It is set up, and asks for packs.
        REQUIRE(answer);
        CHECK(answer->header.kind == wire::Kind::want);
        continue;
      }
      // The first cause travels: a server may close because the other has told it so.
      if (!answer) continue;
      REQUIRE(answer->header.kind == wire::Kind::session_ended);
      const auto why = wire::decode<wire::Failure>(answer->payload)->error;
      CHECK(why.fault == protocol::Fault::violation);
      CHECK(contains(why.what, "crypto producer and server"));
      CHECK(contains(why.what, "do not agree on the session and what is served in it"));
      ++named;
    }
    CHECK((named > 0) == (number != 1));
  }
}

namespace {

/// A machine under load may let a party wait for so long.
constexpr std::uint32_t silence_ms = tests::sanitized ? 10'000 : 1000;

}  // namespace

TEST_CASE("a party that stops answering ends the session with its name, and queries under way with it") {
  constexpr std::uint32_t ping_interval_ms = 50;
  ThreeParties three([](config::PartyConfig& c) {
    c.link.ping_interval_ms = ping_interval_ms;
    c.link.silence_ms = silence_ms;
  });
  three.start_all();
  three.deploy(6);
  three.stop(2);
  OwnProducer producer(three);
  producer.confirm(producer.of_server(0));
  // As long as it answers it stays, although it deals nothing: more pings than silence has room for.
  for (std::uint32_t i = 0; i < 2 * silence_ms / ping_interval_ms; ++i)
    for (const std::size_t server : {0u, 1u}) REQUIRE(producer.answer_ping(server));
  // It waits for a pack that never comes.
  const auto failed = three.query(6, 1);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().fault == protocol::Fault::peer_lost);
  CHECK(contains(failed.error().what, "crypto producer has not answered server"));
  for (const auto role : {config::Role::server0, config::Role::server1})
    CHECK(says_while_not_serving(three.client(), role, "not connected: crypto producer"));
  const auto next = three.query(6, 2);
  REQUIRE_FALSE(next);
  CHECK(next.error().fault == protocol::Fault::not_serving);
  CHECK(next.error().retry_after_ms);
  CHECK(contains(next.error().what, "crypto producer"));
  three.start(2);
  three.wait_until_serving(6);
  const auto report = three.query(6, 3);
  if (!report) FAIL(report.error().what);
}

TEST_CASE("a party that has not answered for two pings gives way to another process of its role") {
  ThreeParties three([](config::PartyConfig& c) {
    c.link.ping_interval_ms = 50;
    c.link.silence_ms = 3'600'000;
  });
  three.start_all();
  three.deploy(6);
  three.stop(2);
  // Its connections stand for as long as the test.
  OwnProducer producer(three);
  producer.confirm(producer.of_server(0));
  three.start(2);
  three.wait_until_serving(6);
  const auto report = three.query(6, 1);
  if (!report) FAIL(report.error().what);
}

TEST_CASE("connections that say nothing after their handshake keep nobody out: the oldest gives way") {
  // On plain links, where nobody has a name: one that has has fewer places of its own.
  ThreeParties three([](config::PartyConfig& c) { c.insecure_plaintext_links = true; });
  three.start_all();
  three.deploy(9);
  const auto tls = net::tls_context(three.neighbourhood().client);
  REQUIRE(tls);
  std::vector<net::BlockingLink> silent;
  for (int i = 0; i < 65; ++i) {
    auto link = net::BlockingLink::connect(three.neighbourhood().parties[0].listen.clients, *tls,
                                           {{protocol::PartyId::server0}, "server0"}, std::chrono::seconds(30));
    REQUIRE(link);
    silent.push_back(std::move(*link));
  }
  const auto report = three.query(9, 1);
  if (!report) FAIL(report.error().what);
  // Long before its time for a hello is over; that would be timed_out.
  const auto end = silent[0].receive(std::chrono::seconds(30));
  REQUIRE_FALSE(end);
  CHECK(end.error().fault == protocol::Fault::peer_lost);
  CHECK(
      contains(three.registry(0).text(), "blindsight_connections_refused_total{fault=\"busy\",listener=\"clients\"} "));
  CHECK_FALSE(contains(three.registry(0).text(),
                       "blindsight_connections_refused_total{fault=\"busy\",listener=\"clients\"} 0\n"));
}
