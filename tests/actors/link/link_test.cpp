#include "actors/link/link.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include "actors/link/messages.h"
#include "net/socket.h"

using namespace blindsight;
using namespace blindsight::actors;
using protocol::Payload;
using wire::Kind;
using wire::Lane;

namespace {

wire::Message message(Lane lane, std::uint64_t pack, std::uint16_t value, std::size_t bytes, std::uint8_t mark) {
  const auto kind = lane == Lane::control ? Kind::status : lane == Lane::online ? Kind::online : Kind::deal;
  return {{kind, lane, 1, protocol::making(value, pack, 0, 1), 0}, Payload(bytes, mark)};
}

struct SystemConfig : caf::actor_system_config {
  SystemConfig() { load<caf::io::middleman>(); }
};

/// A link whose other end is a plain socket.
struct LinkAndSocket {
  explicit LinkAndSocket(config::LinkConfig link_config = {}) : self(system) {
    auto listening = net::listen_on({"127.0.0.1", 0});
    REQUIRE(listening);
    auto connected = net::connect_to({"127.0.0.1", net::bound_port(*listening)}, std::chrono::seconds(5));
    REQUIRE(connected);
    pollin(*listening);
    socket = ::accept(*listening, nullptr, nullptr);
    REQUIRE(socket >= 0);
    ::close(*listening);
    LinkSettings settings;
    settings.config = link_config;
    link = spawn_link(system, *connected, settings, caf::actor_cast<caf::actor>(self));
    Routes routes;
    routes.peer = protocol::PartyId::server1;
    routes.session = 1;
    routes.model = 1;
    routes.control = caf::actor_cast<caf::actor>(self);
    routes.layers = {caf::actor_cast<caf::actor>(self), caf::actor_cast<caf::actor>(self)};
    routes.frame_bytes = link_config.frame_bytes;
    routes.message_bytes = 1 << 26;
    self->send(link, routes);
  }
  ~LinkAndSocket() {
    ::close(socket);
    self->send(link, CloseLink{});
    self->wait_for(link);
  }

  static void pollin(int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    ::select(fd + 1, &set, nullptr, nullptr, nullptr);
  }
  void send(wire::Message m) { self->send(link, Send{Parcel(std::move(m))}); }
  std::vector<wire::Message> read(std::size_t count) {
    std::vector<wire::Message> out;
    std::vector<char> buffer(1 << 16);
    while (out.size() < count) {
      const auto n = ::read(socket, buffer.data(), buffer.size());
      REQUIRE(n > 0);
      REQUIRE(reader.feed({buffer.data(), static_cast<std::size_t>(n)}, out));
    }
    return out;
  }
  void write(const std::vector<char>& bytes) {
    REQUIRE(::write(socket, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  protocol::Fault down_fault() {
    auto fault = protocol::Fault::internal;
    self->receive([&](const LinkDown& m) { fault = m.error.fault; });
    return fault;
  }

  SystemConfig config;
  caf::actor_system system{config};
  caf::scoped_actor self;
  int socket = -1;
  caf::actor link;
  wire::Reader reader{{1 << 20, 1 << 26, 4096}};
};

std::vector<char> frames(wire::Message m, std::uint32_t number) {
  wire::Outgoing out(std::move(m), number);
  std::vector<char> bytes;
  while (!out.finished()) out.append_frame(4096, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("a link carries messages whole, and an urgent one passes bulk that waits") {
  config::LinkConfig small;
  small.frame_bytes = 64 * 1024;
  LinkAndSocket pair(small);
  // Nothing is read here until all is queued: most of the bulk must wait in the outbox, not in a buffer.
  constexpr std::size_t bulk = 24;
  for (std::size_t i = 0; i < bulk; ++i)
    pair.send(message(Lane::preprocessing, 1, 0, 1 << 20, static_cast<std::uint8_t>(i)));
  pair.send(message(Lane::online, 5, 1, 100, 200));
  pair.send(message(Lane::control, 0, 0, 100, 201));
  const auto out = pair.read(bulk + 2);
  std::vector<int> bulk_marks;
  std::size_t online_at = 0, control_at = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int mark = out[i].payload.front();
    if (mark == 200)
      online_at = i;
    else if (mark == 201)
      control_at = i;
    else
      bulk_marks.push_back(mark);
  }
  for (std::size_t i = 0; i < bulk; ++i) CHECK(bulk_marks[i] == static_cast<int>(i));
  // Between them and the reader lie the kernel's buffers (some megabytes on loopback), never the whole queue.
  CHECK(online_at < bulk - 8);
  CHECK(control_at < bulk - 8);
}

TEST_CASE("a link takes what arrives to the actor that its routes name") {
  LinkAndSocket pair;
  auto m = message(Lane::online, 3, 1, 10'000, 77);
  pair.write(frames(m, 1));
  pair.self->receive([&](const Arrived& arrived) {
    CHECK(arrived.from == protocol::PartyId::server1);
    const auto got = arrived.message.take();
    CHECK(got.header == m.header);
    CHECK(got.payload == m.payload);
  });
}

TEST_CASE("a link ends with the reason when its peer violates the protocol or goes") {
  LinkAndSocket pair;
  SUBCASE("frame too long") {
    pair.write({'\0', '\0', '\0', '\x7f'});
    CHECK(pair.down_fault() == protocol::Fault::violation);
  }
  SUBCASE("message of another session") {
    auto m = message(Lane::online, 3, 1, 10, 77);
    m.header.session = 2;
    pair.write(frames(m, 1));
    CHECK(pair.down_fault() == protocol::Fault::violation);
  }
  SUBCASE("value that is not there") {
    pair.write(frames(message(Lane::online, 3, 2, 10, 77), 1));
    CHECK(pair.down_fault() == protocol::Fault::violation);
  }
  SUBCASE("model that is not served") {
    auto m = message(Lane::online, 3, 1, 10, 77);
    m.header.work.model = 2;
    pair.write(frames(m, 1));
    CHECK(pair.down_fault() == protocol::Fault::violation);
  }
  SUBCASE("connection closed") {
    ::shutdown(pair.socket, SHUT_RDWR);
    CHECK(pair.down_fault() == protocol::Fault::peer_lost);
  }
}

TEST_CASE("a connection that nobody accepts is given up at the deadline or when cancelled") {
  const std::atomic<bool> cancelled{true};
  // TEST-NET-1 (RFC 5737): routed nowhere, or refused at once by a machine without a network.
  const auto given_up = net::connect_to({"192.0.2.1", 9}, std::chrono::seconds(30), &cancelled);
  REQUIRE_FALSE(given_up);
  CHECK(given_up.error().fault == protocol::Fault::peer_lost);
  const auto refused = net::connect_to({"127.0.0.1", 1}, std::chrono::seconds(30));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == protocol::Fault::peer_lost);
  CHECK(refused.error().what.find("127.0.0.1:1") != std::string::npos);
}

TEST_CASE("frames of steps are told as a sign of life, now and then, and what is said to the owner is none") {
  LinkAndSocket pair;
  Routes routes;
  routes.session = 1;
  routes.model = 1;
  routes.control = caf::actor_cast<caf::actor>(pair.self);
  routes.layers = {routes.control, routes.control};
  routes.frame_bytes = 1 << 16;
  routes.message_bytes = 1 << 20;
  const auto write_all = [&](Lane lane) {
    for (int i = 0; i < 20; ++i) {
      wire::Outgoing out(message(lane, 1, 1, 64, 7), static_cast<std::uint32_t>(i));
      std::vector<char> bytes;
      while (!out.finished()) out.append_frame(4096, bytes);
      pair.write(bytes);
    }
  };
  const auto heard = [&] {
    std::size_t signs = 0;
    for (int arrived = 0; arrived < 20;)
      pair.self->receive([&](const Heard& m) { signs += m.link == pair.link; }, [&](const Arrived&) { ++arrived; });
    pair.self->receive([&](const Heard&) { ++signs; }, caf::after(std::chrono::seconds(0)) >> [] {});
    return signs;
  };
  const auto after = [&](std::chrono::milliseconds every, Lane lane) {
    routes.life_told_every = every;
    pair.self->send(pair.link, routes);
    // What the link does from here on, it does after that.
    pair.send(message(Lane::control, 1, 0, 8, 1));
    pair.read(1);
    write_all(lane);
    return heard();
  };
  CHECK(after(std::chrono::hours(0), Lane::online) == 0);
  CHECK(after(std::chrono::hours(1), Lane::control) == 0);
  CHECK(after(std::chrono::hours(1), Lane::online) == 1);
  CHECK(after(std::chrono::hours(1), Lane::preprocessing) == 0);
}
