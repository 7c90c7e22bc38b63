#include "net/socket.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

using namespace blindsight;
using protocol::Fault;
using protocol::Result;
using namespace std::chrono_literals;

namespace {

/// A descriptor that is closed at the end.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) { REQUIRE(descriptor >= 0); }
  explicit Socket(const protocol::Result<int>& made) : descriptor_(made.value_or(-1)) {
    if (!made) FAIL(made.error().what);
  }
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  operator int() const { return descriptor_; }

 private:
  int descriptor_;
};

config::Address loopback(std::uint16_t port = 0) {
  return {"127.0.0.1", port};
}

/// Where a socket listens.
config::Address address_of(const Socket& listening) {
  return loopback(net::bound_port(listening));
}

Socket accepted_by(const Socket& listening) {
  pollfd p{listening, POLLIN, 0};
  REQUIRE(::poll(&p, 1, 10'000) == 1);
  return Socket(::accept(listening, nullptr, nullptr));
}

int option(int descriptor, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(descriptor, level, name, &value, &size) == 0);
  return value;
}

bool never_blocks(int descriptor) {
  return (::fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0;
}

bool closed_in_programs_that_are_started(int descriptor) {
  return (::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0;
}

void check_tuned(int descriptor) {
  CHECK(option(descriptor, IPPROTO_TCP, TCP_NODELAY) != 0);
  CHECK(option(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT) <= 1 << 20);
  CHECK(option(descriptor, SOL_SOCKET, SO_KEEPALIVE) != 0);
  const int silent_s = option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE) +
                       option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL) * option(descriptor, IPPROTO_TCP, TCP_KEEPCNT);
  CHECK(silent_s == 10);
  CHECK(option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT) == 10'000);
}

/// An address at which connections are neither taken nor refused: its queue is full.
class Busy {
 public:
  Busy() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listening_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(::listen(listening_, 0) == 0);
    waiting_.emplace_back(net::connect_to(address(), 10s));
  }
  config::Address address() const { return address_of(listening_); }

 private:
  Socket listening_;
  std::vector<Socket> waiting_;
};

}  // namespace

TEST_CASE("a free port is taken and told, and bytes go both ways") {
  const Socket listening(net::listen_on(loopback()));
  CHECK(net::bound_port(listening) != 0);
  CHECK(never_blocks(listening));
  CHECK(closed_in_programs_that_are_started(listening));
  const Socket ours(net::connect_to(address_of(listening), 10s));
  CHECK(never_blocks(ours));
  CHECK(closed_in_programs_that_are_started(ours));
  check_tuned(ours);
  const auto theirs = accepted_by(listening);
  for (const auto& [from, to] : {std::pair<int, int>{ours, theirs}, {theirs, ours}}) {
    REQUIRE(::send(from, "abc", 3, MSG_NOSIGNAL) == 3);
    pollfd p{to, POLLIN, 0};
    REQUIRE(::poll(&p, 1, 10'000) == 1);
    char bytes[4] = {};
    CHECK(::recv(to, bytes, sizeof bytes, 0) == 3);
    CHECK(std::string(bytes) == "abc");
  }
}

TEST_CASE("a socket of someone else's making is tuned in the same way") {
  const Socket fresh(::socket(AF_INET, SOCK_STREAM, 0));
  net::tune_link(fresh);
  check_tuned(fresh);
}

TEST_CASE("a port that is in use is the caller's to mend") {
  const Socket first(net::listen_on(loopback()));
  const auto second = net::listen_on(address_of(first));
  REQUIRE_FALSE(second);
  CHECK(second.error().fault == Fault::usage);
  CHECK(second.error().what.find(config::to_string(address_of(first))) != std::string::npos);
}

TEST_CASE("a port is free again as soon as who listened has gone, whatever connections there were") {
  std::uint16_t port = 0;
  {
    const Socket listening(net::listen_on(loopback()));
    port = net::bound_port(listening);
    const Socket ours(net::connect_to(loopback(port), 10s));
    // Closed here first: this end of it stays in the system for a while.
    (void)accepted_by(listening);
  }
  CHECK(Socket(net::listen_on(loopback(port))) >= 0);
}

TEST_CASE("an address that is none is the caller's to mend") {
  // Longer than a name may be: nobody is asked for it.
  const config::Address nowhere{std::string(300, 'a'), 1};
  for (const auto& made : {net::listen_on(nowhere), net::connect_to(nowhere, 10s)}) {
    REQUIRE_FALSE(made);
    CHECK(made.error().fault == Fault::usage);
  }
}

TEST_CASE("where nothing listens, and where nobody answers until the deadline, the peer is lost") {
  config::Address gone;
  {
    const Socket listening(net::listen_on(loopback()));
    gone = address_of(listening);
  }
  // Refused, not waited for: a test that waits for this deadline does not end.
  const auto refused = net::connect_to(gone, 24h);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::peer_lost);

  const Busy busy;
  const auto silent = net::connect_to(busy.address(), 20ms);
  REQUIRE_FALSE(silent);
  CHECK(silent.error().fault == Fault::peer_lost);
}

TEST_CASE("who waits for a connection can be called off") {
  const Busy busy;
  const std::atomic<bool> cancelled = true;
  const auto made = net::connect_to(busy.address(), 24h, &cancelled);
  REQUIRE_FALSE(made);
  CHECK(made.error().fault == Fault::peer_lost);
}

TEST_CASE("an address that swallows what is sent to it leaves the next one its time") {
  const Busy swallows;
  const Socket listening(net::listen_on(loopback()));
  const auto both = [&](const config::Address&) -> Result<net::Endpoints> {
    auto all = *net::look_up(swallows.address());
    all.push_back(net::look_up(address_of(listening))->front());
    return all;
  };
  const Socket ours(net::connect_to({"two.example", 1}, 500ms, nullptr, both));
  CHECK(accepted_by(listening) >= 0);
}

TEST_CASE("what came of each address of a name is told") {
  const Busy swallows;
  const auto three = [&](const config::Address&) -> Result<net::Endpoints> {
    net::Endpoints all;
    for (const auto& address : {config::Address{"127.0.0.2", 1}, swallows.address(), config::Address{"127.0.0.3", 1}})
      all.push_back(net::look_up(address)->front());
    return all;
  };
  const auto made = net::connect_to({"three.example", 1}, 60ms, nullptr, three);
  REQUIRE_FALSE(made);
  CHECK(made.error().fault == Fault::peer_lost);
  for (const char* name : {"three.example", "127.0.0.1", "127.0.0.2", "127.0.0.3"})
    CHECK(made.error().what.find(name) != std::string::npos);
}

TEST_CASE("a plaintext link off this machine is refused unless it was asked for") {
  const config::Address here = loopback(7100), there{"192.0.2.1", 7100};
  CHECK(net::check_loopback(here, "the link to"));
  const auto refused = net::check_loopback(there, "the link to");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::usage);
  CHECK(refused.error().what.find("192.0.2.1:7100") != std::string::npos);
}
