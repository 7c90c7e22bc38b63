#pragma once

#include <array>
#include <atomic>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <memory>
#include <string>

#include "actors/link/link.h"
#include "actors/link/messages.h"
#include "actors/serve/deployment.h"
#include "config/config.h"
#include "monitoring/probes.h"
#include "protocol/core/program.h"

namespace blindsight::actors {

struct SupervisorParts {
  config::PartyConfig config;
  protocol::PartyId self = protocol::PartyId::server0;
  std::string choice;                                ///< how the party computes, as protocol::spelling() writes it
  std::array<int, 2> listening_descriptors{-1, -1};  ///< by Door; -1: none
  std::shared_ptr<const wire::TlsContext> tls;       ///< null: plain links, by consent
  std::shared_ptr<const Deployment> deployment;      ///< as found on disk; may be none
  caf::actor front_end, model_store;
  /// Set by the supervisor when it stops, so that a dialer in the middle of an attempt gives up.
  std::shared_ptr<std::atomic<bool>> stopping = std::make_shared<std::atomic<bool>>(false);
};

/// The root actor of a party: links to the two others, the session of the three, and the actors of that session.
///
///   gathering ──both Hellos──▶ confirming ──both Confirms──▶ setting up ──all layers──▶ serving
///       ▲                          │                             │                         │
///       └──── any link lost, any party ends the session: all links close, fresh keys ──────┘
///
/// Who dials: server 1 dials server 0, the crypto producer dials both. Deployments that differ or are missing do not
/// end a session: it is held idle (after the Confirms), says who lacks what, and begins anew after a deployment.
caf::actor spawn_supervisor(caf::actor_system& system, SupervisorParts parts, monitoring::Registry& registry);

/// To the supervisor: end the session, close everything, quit.
struct Stop {};

}  // namespace blindsight::actors

BLINDSIGHT_LOCAL_MESSAGE(Stop)
