#include "actors/link/dialer.h"

#include <unistd.h>

#include <caf/all.hpp>

#include "actors/link/messages.h"
#include "net/socket.h"

namespace blindsight::actors {
namespace {

caf::behavior run_dialer(caf::event_based_actor* self, protocol::PartyId peer, const config::Address& address,
                         std::chrono::milliseconds timeout, const std::shared_ptr<const std::atomic<bool>>& cancelled,
                         const caf::actor& owner) {
  return {[=](Dial) {
    auto connected = net::connect_to(address, timeout, cancelled.get());
    // Nobody would close a descriptor that nobody takes.
    if (connected && *cancelled) {
      ::close(*connected);
      return;
    }
    self->send(owner, connected ? Dialed{peer, *connected, {}} : Dialed{peer, -1, connected.error()});
  }};
}

}  // namespace

caf::actor spawn_dialer(caf::actor_system& system, protocol::PartyId peer, const config::Address& address,
                        std::chrono::milliseconds timeout, std::shared_ptr<const std::atomic<bool>> cancelled,
                        const caf::actor& owner) {
  return system.spawn<caf::detached>(run_dialer, peer, address, timeout, std::move(cancelled), owner);
}

}  // namespace blindsight::actors
