#include "net/blocking_link.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <numeric>
#include <thread>
#include <utility>

#include "net/socket.h"

using namespace blindsight;
using net::BlockingLink;
using protocol::Fault;
using protocol::PartyId;
using namespace std::chrono_literals;
using Bytes = std::vector<char>;

namespace {

/// What a test waits for is on its way already: it fails long before.
constexpr auto patience = 60s;

std::shared_ptr<const wire::TlsContext> who(const wire::Credentials& own, PartyId other,
                                            const wire::Credentials& others) {
  const wire::Identity identity{other, std::string(protocol::name(other)), others.fingerprint()};
  return wire::TlsContext::make(own, {{others.fingerprint(), identity}});
}

/// Somebody who accepts one connection, and does with it what a test says.
class Accepting {
 public:
  explicit Accepting(std::function<void(int)> talk) {
    auto listening = net::listen_on({"127.0.0.1", 0});
    REQUIRE(listening);
    listening_ = *listening;
    thread_ = std::thread([this, talk = std::move(talk)] {
      pollfd p{listening_, POLLIN, 0};
      ::poll(&p, 1, -1);
      const int descriptor = ::accept(listening_, nullptr, nullptr);
      talk(descriptor);
      ::close(descriptor);
    });
  }
  ~Accepting() {
    thread_.join();
    ::close(listening_);
  }
  config::Address address() const { return {"127.0.0.1", net::bound_port(listening_)}; }

 private:
  int listening_ = -1;
  std::thread thread_;
};

/// Feeds what arrives to a transport, and sends what it answers, until the other end closes or the transport fails.
void serve(int descriptor, wire::Transport& transport, const std::function<void(std::span<const char>, Bytes&)>& on) {
  Bytes bytes(1 << 16);
  for (ssize_t n = 0; (n = ::recv(descriptor, bytes.data(), bytes.size(), 0)) > 0;) {
    Bytes out;
    const auto plain = transport.feed({bytes.data(), static_cast<std::size_t>(n)}, out);
    if (plain && transport.established()) on(*plain, out);
    for (std::size_t at = 0; at < out.size();) {
      const auto sent = ::send(descriptor, out.data() + at, out.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) return;
      at += static_cast<std::size_t>(sent);
    }
    if (!plain) return;
  }
}

const auto ours = wire::Credentials::generate("client", std::chrono::system_clock::now());
const auto theirs = wire::Credentials::generate("server0", std::chrono::system_clock::now());
const wire::Admission of_server0{{PartyId::server0}, "the address of server0"};
const wire::Admission of_clients{{PartyId::client}, "the clients' listener"};

/// Sends back what comes, sealed.
void echo(wire::Transport& transport, std::span<const char> plain, Bytes& out) {
  if (plain.empty()) return;
  auto& unsealed = transport.to_seal(out);
  unsealed.insert(unsealed.end(), plain.begin(), plain.end());
  REQUIRE(transport.seal(out));
}

}  // namespace

TEST_CASE("two that know each other talk, however much it is, and each knows who the other is") {
  const auto tls = who(theirs, PartyId::client, ours);
  std::optional<wire::Identity> seen;
  {
    const Accepting party([&](int descriptor) {
      const auto transport = tls->accept(of_clients);
      serve(descriptor, *transport, [&](std::span<const char> plain, Bytes& out) {
        seen = transport->identity();
        echo(*transport, plain, out);
      });
    });
    auto link = BlockingLink::connect(party.address(), who(ours, PartyId::server0, theirs), of_server0, patience);
    REQUIRE(link);
    CHECK(link->transport().identity()->party == PartyId::server0);
    Bytes sent(300'000), back;
    std::iota(sent.begin(), sent.end(), 0);
    REQUIRE(link->send(sent));
    while (back.size() < sent.size()) {
      const auto more = link->receive(patience);
      REQUIRE(more);
      REQUIRE_FALSE(more->empty());
      back.insert(back.end(), more->begin(), more->end());
    }
    CHECK(back == sent);
    // A link that was moved is the same link, and is closed once.
    auto moved = std::move(*link);
    REQUIRE(moved.send(Bytes{'x'}));
    CHECK(moved.receive(patience).value() == Bytes{'x'});
  }
  REQUIRE(seen);
  CHECK(seen->party == PartyId::client);
}

TEST_CASE("a plain link, by consent, carries bytes as they are") {
  const Accepting party([](int descriptor) {
    char byte = 0;
    while (::recv(descriptor, &byte, 1, 0) == 1 && ::send(descriptor, &byte, 1, MSG_NOSIGNAL) == 1) {
    }
  });
  auto link = BlockingLink::connect(party.address(), nullptr, of_server0, patience);
  REQUIRE(link);
  REQUIRE(link->send(Bytes{'a'}));
  CHECK(link->receive(patience).value() == Bytes{'a'});
  CHECK_FALSE(link->transport().identity());
}

TEST_CASE("somebody else at the address is refused before a word is said to it") {
  const auto stranger = wire::Credentials::generate("x", std::chrono::system_clock::now());
  bool established = false;
  {
    const Accepting party([&](int descriptor) {
      const auto transport = who(stranger, PartyId::client, ours)->accept(of_clients);
      serve(descriptor, *transport, [](std::span<const char>, Bytes&) {});
      established = transport->established();
    });
    const auto link = BlockingLink::connect(party.address(), who(ours, PartyId::server0, theirs), of_server0, patience);
    REQUIRE_FALSE(link);
    CHECK(link.error().fault == Fault::refused);
    CHECK(link.error().what.find(config::pin_text(stranger.fingerprint())) != std::string::npos);
  }
  CHECK_FALSE(established);
}

TEST_CASE("whom the other end does not know is told by it, at the first word that is awaited") {
  const auto stranger = wire::Credentials::generate("x", std::chrono::system_clock::now());
  const auto tls = who(theirs, PartyId::client, ours);
  const Accepting party([&](int descriptor) {
    const auto transport = tls->accept(of_clients);
    serve(descriptor, *transport, [](std::span<const char>, Bytes&) {});
  });
  auto link = BlockingLink::connect(party.address(), who(stranger, PartyId::server0, theirs), of_server0, patience);
  // In TLS 1.3 the end that dials is done before the other has seen its key.
  const auto refused = link ? link->receive(patience) : tl::unexpected(link.error());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::refused);
  CHECK(refused.error().what.find("blindsight key show") != std::string::npos);
}

TEST_CASE("silence is told from an end, in the handshake and after it") {
  SUBCASE("nobody answers the handshake") {
    auto listening = net::listen_on({"127.0.0.1", 0});
    REQUIRE(listening);
    const auto link = BlockingLink::connect({"127.0.0.1", net::bound_port(*listening)},
                                            who(ours, PartyId::server0, theirs), of_server0, 20ms);
    ::close(*listening);
    REQUIRE_FALSE(link);
    CHECK(link.error().fault == Fault::timed_out);
  }
  SUBCASE("closed in the handshake") {
    const Accepting party([](int) {});
    const auto link = BlockingLink::connect(party.address(), who(ours, PartyId::server0, theirs), of_server0, patience);
    REQUIRE_FALSE(link);
    CHECK(link.error().fault == Fault::peer_lost);
  }
  SUBCASE("after it") {
    const auto tls = who(theirs, PartyId::client, ours);
    bool close = false;
    const Accepting party([&](int descriptor) {
      const auto transport = tls->accept(of_clients);
      Bytes bytes(1 << 16);
      for (ssize_t n = 0; !close && (n = ::recv(descriptor, bytes.data(), bytes.size(), 0)) > 0;) {
        Bytes out;
        const auto plain = transport->feed({bytes.data(), static_cast<std::size_t>(n)}, out);
        REQUIRE(plain);
        close = !plain->empty();
        (void)!::send(descriptor, out.data(), out.size(), MSG_NOSIGNAL);
      }
    });
    auto link = BlockingLink::connect(party.address(), who(ours, PartyId::server0, theirs), of_server0, patience);
    REQUIRE(link);
    const auto silent = link->receive(20ms);
    REQUIRE_FALSE(silent);
    CHECK(silent.error().fault == Fault::timed_out);
    REQUIRE(link->send(Bytes{'x'}));
    const auto ended = link->receive(patience);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().fault == Fault::peer_lost);
  }
}

TEST_CASE("where nothing listens there is no link") {
  auto listening = net::listen_on({"127.0.0.1", 0});
  REQUIRE(listening);
  const auto port = net::bound_port(*listening);
  ::close(*listening);
  const auto link =
      BlockingLink::connect({"127.0.0.1", port}, who(ours, PartyId::server0, theirs), of_server0, patience);
  REQUIRE_FALSE(link);
  CHECK(link.error().fault == Fault::peer_lost);
}
