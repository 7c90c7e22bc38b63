#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <string>

#include "config/config.h"
#include "monitoring/probes.h"
#include "protocol/core/party.h"
#include "wire/envelope.h"

namespace blindsight::actors {

/// What a link needs to know from the start.
struct LinkSettings {
  config::LinkConfig config;
  bool priorities = true;
  /// Before Hello a stranger may send frames and messages of this size only.
  wire::ReaderLimits strangers{4096, 64 * 1024, 4};
  monitoring::Registry* registry = nullptr;
};

/// A link is one live connection: a broker that turns messages into frames and back. It dies with the connection, after
/// it has told LinkDown to its owner; connecting again makes a new link.
///
///   Routes  → takes messages of the named session and sends each to the actor it is for
///   Send    → queued in the outbox; at most `credit_bytes` are handed to the operating system's side at once
///   CloseLink → drains, then closes

/// Takes over a connected descriptor.
caf::actor spawn_link(caf::actor_system& system, int descriptor, const LinkSettings& settings, const caf::actor& owner);

/// Takes over a listening descriptor; tells `owner` Accepted for each connection. Ends on CloseLink.
caf::actor spawn_listener(caf::actor_system& system, int descriptor, const LinkSettings& settings,
                          const caf::actor& owner);

}  // namespace blindsight::actors
