#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <chrono>
#include <memory>

#include "config/config.h"
#include "protocol/core/party.h"

namespace blindsight::actors {

/// A thread of its own that connects on Dial and answers Dialed. Ends on exit messages, within 100 ms once `cancelled`
/// is set.
caf::actor spawn_dialer(caf::actor_system& system, protocol::PartyId peer, const config::Address& address,
                        std::chrono::milliseconds timeout, std::shared_ptr<const std::atomic<bool>> cancelled,
                        const caf::actor& owner);

}  // namespace blindsight::actors
