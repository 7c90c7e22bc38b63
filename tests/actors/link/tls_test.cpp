#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <utility>

#include "actors/link/link.h"
#include "actors/link/messages.h"
#include "net/blocking_link.h"
#include "net/socket.h"

// Links of TLS, and the listeners that they come from; link_test.cpp has what links do whatever carries them.

using namespace blindsight;
using namespace blindsight::actors;
using net::BlockingLink;
using protocol::Fault;
using protocol::PartyId;
using namespace std::chrono_literals;

namespace {

/// What a test waits for is on its way already.
constexpr auto patience = 60s;

struct SystemConfig : caf::actor_system_config {
  SystemConfig() { load<caf::io::middleman>(); }
};

/// Somebody with a key.
struct Somebody {
  explicit Somebody(PartyId who)
      : identity{who, std::string(protocol::name(who)), {}},
        credentials(wire::Credentials::generate("x", std::chrono::system_clock::now())) {
    identity.key = credentials.fingerprint();
  }
  std::shared_ptr<const wire::TlsContext> knowing(const std::vector<const Somebody*>& others) const {
    wire::Directory known;
    for (const auto* other : others) known[other->identity.key] = other->identity;
    return wire::TlsContext::make(credentials, known);
  }

  wire::Identity identity;
  wire::Credentials credentials;
};

const Somebody server0(PartyId::server0), producer(PartyId::producer), server1(PartyId::server1),
    stranger(PartyId::producer);

/// The parties' listener of server 0, which knows server 1 and the producer and lets the producer in. What its links
/// say comes to `self`.
struct Listening {
  explicit Listening(ListenerSettings settings = {}) : self(system) {
    const auto descriptor = net::listen_on({"127.0.0.1", 0});
    REQUIRE(descriptor);
    address = {"127.0.0.1", net::bound_port(*descriptor)};
    settings.link.tls = server0.knowing({&producer, &server1});
    settings.link.admission = {{PartyId::producer}, "listen.parties of server0"};
    listener = spawn_listener(system, *descriptor, settings, caf::actor_cast<caf::actor>(self));
  }
  ~Listening() {
    for (const auto& link : links) {
      self->send(link, CloseLink{});
      self->wait_for(link);
    }
    self->send(listener, CloseLink{});
    self->wait_for(listener);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

  protocol::Result<BlockingLink> connect(const Somebody& who) const {
    return BlockingLink::connect(address, who.knowing({&server0}), {{PartyId::server0}, "the address of server0"},
                                 patience);
  }
  Accepted accepted() {
    Accepted got;
    self->receive([&](const Accepted& m) { got = m; });
    links.push_back(got.link);
    return got;
  }
  HandshakeFailed failed() {
    HandshakeFailed got;
    self->receive([&](const HandshakeFailed& m) { got = m; });
    return got;
  }
  /// How many have come by now.
  std::size_t failed_so_far() {
    std::size_t count = 0;
    for (bool more = true; more;)
      self->receive([&](const HandshakeFailed&) { ++count; }, caf::after(0s) >> [&] { more = false; });
    return count;
  }

  SystemConfig config;
  caf::actor_system system{config};
  caf::scoped_actor self;
  config::Address address;
  caf::actor listener;
  std::vector<caf::actor> links;
};

/// A connection of somebody who does not speak TLS.
class Raw {
 public:
  explicit Raw(const config::Address& address) {
    const auto made = net::connect_to(address, patience);
    REQUIRE(made);
    descriptor_ = *made;
  }
  Raw(Raw&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Raw& operator=(Raw&&) = delete;
  ~Raw() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  void send(const std::string& text) const {
    REQUIRE(::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  /// Waits until the other end closes.
  void wait_for_end() const {
    char bytes[256];
    for (;;) {
      pollfd p{descriptor_, POLLIN, 0};
      REQUIRE(::poll(&p, 1, 60'000) == 1);
      if (::recv(descriptor_, bytes, sizeof bytes, 0) <= 0) return;
    }
  }

 private:
  int descriptor_;
};

std::vector<char> frames(wire::Kind kind, std::size_t bytes) {
  wire::Outgoing out({wire::control_header(kind), protocol::Payload(bytes, 7)}, 0);
  std::vector<char> all;
  while (!out.finished()) out.append_frame(4096, all);
  return all;
}

wire::Message read_message(BlockingLink& link) {
  wire::Reader reader({});
  std::vector<wire::Message> messages;
  while (messages.empty()) {
    const auto plain = link.receive(patience);
    REQUIRE(plain);
    REQUIRE(reader.feed(*plain, messages));
  }
  return messages.front();
}

/// Whether who was refused is told so by the other end.
void check_told(protocol::Result<BlockingLink> link, Fault fault, const std::string& words) {
  const auto word = link ? link->receive(patience) : tl::unexpected(link.error());
  REQUIRE_FALSE(word);
  CHECK(word.error().fault == fault);
  CHECK(word.error().what.find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("the owner of a listener hears of a link when it is known whose it is, and they talk") {
  ListenerSettings settings;
  settings.door = Door::clients;
  Listening party(settings);
  auto link = party.connect(producer);
  REQUIRE(link);
  const auto accepted = party.accepted();
  CHECK(accepted.door == Door::clients);
  CHECK(accepted.address.starts_with("127.0.0.1:"));
  REQUIRE(accepted.identity);
  CHECK(*accepted.identity == producer.identity);

  REQUIRE(link->send(frames(wire::Kind::hello, 10'000)));
  party.self->receive([&](const Arrived& m) {
    CHECK(m.link == accepted.link);
    CHECK(m.message.look().payload.size() == 10'000);
  });
  party.self->send(accepted.link,
                   Send{Parcel(wire::Message{wire::control_header(wire::Kind::refuse), protocol::Payload(9000, 1)})});
  const auto answer = read_message(*link);
  CHECK(answer.header.kind == wire::Kind::refuse);
  CHECK(answer.payload.size() == 9000);
}

TEST_CASE("whoever has no key that belongs here is no link of anybody's, and is told why") {
  Listening party;
  SUBCASE("an unknown key") {
    check_told(party.connect(stranger), Fault::refused, "blindsight key show");
    const auto failed = party.failed();
    CHECK(failed.error.fault == Fault::refused);
    CHECK(failed.door == Door::parties);
    CHECK(failed.address.starts_with("127.0.0.1:"));
    CHECK(failed.error.what.find(config::pin_text(stranger.identity.key)) != std::string::npos);
  }
  SUBCASE("a key that is known, in the wrong place") {
    check_told(party.connect(server1), Fault::refused, "not for this place");
    const auto failed = party.failed();
    CHECK(failed.error.fault == Fault::refused);
    CHECK(failed.error.what.find("the key of server1") != std::string::npos);
    CHECK(failed.error.what.find("listen.parties of server0") != std::string::npos);
  }
  // Nobody heard of a link.
  party.self->receive([](const Accepted&) { FAIL("a link was accepted"); }, caf::after(0s) >> [] {});
  CHECK(party.connect(producer));
  CHECK(party.accepted().identity == producer.identity);
}

TEST_CASE("what is no TLS ends the connection, and what it was is told to the owner") {
  Listening party;
  for (const auto& [text, words] : {std::pair<std::string, std::string>{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"},
                                    {std::string(64, '\xff'), "does not speak TLS"}}) {
    const Raw other(party.address);
    other.send(text);
    const auto failed = party.failed();
    CHECK(failed.error.fault == Fault::violation);
    CHECK(failed.error.what.find(words) != std::string::npos);
    other.wait_for_end();
  }
}

TEST_CASE("a handshake that is cut short or has no end is over by its deadline") {
  ListenerSettings settings;
  settings.link.handshake_patience = 20ms;
  Listening party(settings);
  SUBCASE("silence") {
    const Raw silent(party.address);
    CHECK(party.failed().error.fault == Fault::timed_out);
    silent.wait_for_end();
  }
  SUBCASE("the beginning of a first message and no more") {
    const Raw slow(party.address);
    slow.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
    CHECK(party.failed().error.fault == Fault::timed_out);
    slow.wait_for_end();
  }
  SUBCASE("the connection is closed in the middle of it") {
    {
      const Raw cut(party.address);
      cut.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
    }
    CHECK(party.failed().error.fault == Fault::peer_lost);
  }
}

TEST_CASE("of connections whose handshake is under way the oldest gives way: silent ones keep nobody out") {
  ListenerSettings settings;
  settings.most_half_open = 2;
  settings.handshakes_per_second = 1'000'000;
  settings.link.handshake_patience = 24h;
  Listening party(settings);
  // One that has proved who it is does not count any more.
  auto first = party.connect(producer);
  REQUIRE(first);
  party.accepted();
  std::vector<Raw> silent;
  silent.reserve(3);
  for (int i = 0; i < 3; ++i) silent.emplace_back(party.address);
  silent[0].wait_for_end();
  CHECK(party.failed().error.fault == Fault::busy);
  CHECK(party.failed_so_far() == 0);

  auto honest = party.connect(producer);
  REQUIRE(honest);
  CHECK(party.accepted().identity == producer.identity);
  silent[1].wait_for_end();
  CHECK(party.failed().error.fault == Fault::busy);
  CHECK(party.failed_so_far() == 0);
}

TEST_CASE("handshakes begin at their rate: what comes faster is closed at once, and the owner hears how many") {
  ListenerSettings settings;
  settings.most_half_open = 1000;
  settings.handshakes_per_second = 2;
  settings.link.handshake_patience = 20ms;
  settings.turned_away_told_every = 1ms;
  Listening party(settings);
  constexpr std::size_t most = 50;
  std::vector<Raw> strangers;
  for (std::size_t i = 0; i < most; ++i) strangers.emplace_back(party.address);
  for (const auto& one : strangers) one.wait_for_end();
  std::uint64_t begun = 0, turned_away = 0, reports = 0;
  while (begun + turned_away < most) {
    const auto failed = party.failed();
    CHECK_FALSE(failed.address.empty());
    if (failed.error.fault == Fault::busy) {
      turned_away += failed.connections;
      ++reports;
      CHECK(failed.error.what.find("limits.handshakes_per_second (2)") != std::string::npos);
    } else {
      ++begun;
    }
  }
  CHECK(begun >= 2);
  CHECK(turned_away > 0);
  CHECK(reports <= turned_away);
  CHECK(begun + turned_away == most);
}

TEST_CASE("new identities hold for links that are accepted from then on, those that stand stay") {
  Listening party;
  auto old = party.connect(producer);
  REQUIRE(old);
  const auto accepted = party.accepted();
  check_told(party.connect(stranger), Fault::refused, "blindsight key show");
  party.failed();

  party.self->send(party.listener, NewIdentities{server0.knowing({&stranger})});
  bool let_in = false;
  for (int i = 0; i < 1000 && !let_in; ++i) {
    auto link = party.connect(stranger);
    REQUIRE(link);
    party.self->receive(
        [&](const Accepted& m) {
          let_in = true;
          party.links.push_back(m.link);
        },
        [](const HandshakeFailed&) {});
  }
  CHECK(let_in);
  check_told(party.connect(producer), Fault::refused, "blindsight key show");

  REQUIRE(old->send(frames(wire::Kind::hello, 10)));
  party.self->receive([&](const Arrived& m) { CHECK(m.link == accepted.link); });
}

TEST_CASE("a listener that ends takes the handshakes that are under way with it") {
  ListenerSettings settings;
  settings.link.handshake_patience = 24h;
  Listening party(settings);
  const Raw silent(party.address);
  // The second is accepted after the first.
  REQUIRE(party.connect(producer));
  party.accepted();
  party.self->send(party.listener, CloseLink{});
  CHECK(party.failed().error.fault == Fault::not_serving);
  silent.wait_for_end();
}

TEST_CASE("a link that dials proves who it is, and sends what it was given before as soon as it may") {
  Listening party;
  const auto dial = [&](const Somebody& who, const Somebody& whom) {
    const auto descriptor = net::connect_to(party.address, patience);
    REQUIRE(descriptor);
    LinkSettings settings;
    settings.tls = who.knowing({&whom});
    settings.admission = {{PartyId::server0}, "the address of server0"};
    return spawn_link(party.system, *descriptor, settings, caf::actor_cast<caf::actor>(party.self));
  };
  const auto down = [&] {
    protocol::Error error;
    party.self->receive([&](const LinkDown& m) { error = m.error; });
    return error;
  };
  SUBCASE("both are right") {
    const auto link = dial(producer, server0);
    party.self->send(link,
                     Send{Parcel(wire::Message{wire::control_header(wire::Kind::hello), protocol::Payload(100, 3)})});
    const auto accepted = party.accepted();
    party.self->receive([&](const Arrived& m) {
      CHECK(m.link == accepted.link);
      CHECK(m.message.look().payload == protocol::Payload(100, 3));
    });
    party.links.push_back(link);
  }
  SUBCASE("it is not known there") {
    dial(stranger, server0);
    CHECK(party.failed().error.fault == Fault::refused);
    const auto error = down();
    CHECK(error.fault == Fault::refused);
    CHECK(error.what.find("blindsight key show") != std::string::npos);
  }
  SUBCASE("it does not know who answers") {
    dial(producer, server1);
    const auto error = down();
    CHECK(error.fault == Fault::refused);
    CHECK(error.what.find(config::pin_text(server0.identity.key)) != std::string::npos);
    CHECK(party.failed().error.fault == Fault::refused);
  }
}

TEST_CASE("a link ends when its other end is not known any more, and only then") {
  Listening party;
  auto connected = party.connect(producer);
  REQUIRE(connected);
  const auto link = party.accepted().link;
  // Another directory that knows it, too: it carries what is sent.
  party.self->send(link, NewIdentities{server0.knowing({&producer})});
  party.self->send(link, Send{Parcel(wire::Message{wire::control_header(wire::Kind::hello), {}})});
  CHECK(connected->receive(patience));
  party.self->send(link, NewIdentities{server0.knowing({&server1, &stranger})});
  protocol::Error why;
  party.self->receive([&](const LinkDown& m) { why = m.error; });
  CHECK(why.fault == Fault::refused);
  CHECK(why.what.find(config::pin_text(producer.identity.key)) != std::string::npos);
  const auto ended = connected->receive(patience);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().fault == Fault::peer_lost);
}
