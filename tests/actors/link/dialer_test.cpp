#include "actors/link/dialer.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <caf/all.hpp>

#include "actors/link/messages.h"
#include "net/socket.h"

using namespace blindsight;
using namespace blindsight::actors;
using protocol::PartyId;

namespace {

/// A dialer whose owner is the test.
class Dialer {
 public:
  explicit Dialer(const config::Address& address, bool cancelled = false)
      : cancelled_(std::make_shared<std::atomic<bool>>(cancelled)),
        dialer_(spawn_dialer(system_, PartyId::server1, address, std::chrono::hours(24), cancelled_,
                             caf::actor_cast<caf::actor>(self_))) {}
  ~Dialer() {
    self_->send_exit(dialer_, caf::exit_reason::user_shutdown);
    self_->wait_for(dialer_);
  }
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  Dialed dial() {
    self_->send(dialer_, Dial{});
    Dialed dialed;
    self_->receive([&](const Dialed& m) { dialed = m; });
    return dialed;
  }

 private:
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_};
  std::shared_ptr<std::atomic<bool>> cancelled_;
  caf::actor dialer_;
};

}  // namespace

TEST_CASE("a dialer connects once for each Dial, and hands the connection to its owner") {
  const auto listening = net::listen_on({"127.0.0.1", 0});
  REQUIRE(listening);
  Dialer dialer({"127.0.0.1", net::bound_port(*listening)});
  for (int i = 0; i < 2; ++i) {
    const auto dialed = dialer.dial();
    CHECK(dialed.peer == PartyId::server1);
    REQUIRE(dialed.descriptor >= 0);
    const int accepted = ::accept(*listening, nullptr, nullptr);
    REQUIRE(accepted >= 0);
    CHECK(::send(dialed.descriptor, "x", 1, MSG_NOSIGNAL) == 1);
    char byte = 0;
    CHECK(::recv(accepted, &byte, 1, MSG_WAITALL) == 1);
    ::close(accepted);
    ::close(dialed.descriptor);
  }
  ::close(*listening);
}

TEST_CASE("a dialer that reaches nobody says why, and can try again") {
  const auto bound = net::listen_on({"127.0.0.1", 0});
  REQUIRE(bound);
  const auto port = net::bound_port(*bound);
  ::close(*bound);
  Dialer dialer({"127.0.0.1", port});
  for (int i = 0; i < 2; ++i) {
    const auto dialed = dialer.dial();
    CHECK(dialed.peer == PartyId::server1);
    CHECK(dialed.descriptor < 0);
    CHECK(dialed.error.fault == protocol::Fault::peer_lost);
  }
}

TEST_CASE("a dialer whose party stops gives up at once, and keeps no connection that nobody takes") {
  const auto listening = net::listen_on({"127.0.0.1", 0});
  REQUIRE(listening);
  {
    Dialer dialer({"127.0.0.1", net::bound_port(*listening)}, true);
    CHECK(dialer.dial().descriptor < 0);
  }
  // Either nothing came here, or what came is closed.
  if (const int accepted = ::accept(*listening, nullptr, nullptr); accepted >= 0) {
    char byte = 0;
    CHECK(::recv(accepted, &byte, 1, MSG_WAITALL) == 0);
    ::close(accepted);
  }
  ::close(*listening);
}
