#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <filesystem>
#include <string>

#include "config/config.h"
#include "monitoring/probes.h"
#include "protocol/core/party.h"

namespace blindsight::actors {

/// Answers clients: status, the plan, deployments (passed to the keeper), queries (passed to the desk of the session,
/// or refused with the reason). Lives as long as the party.
///
///   ClientGone, Deployed, Serving from the node; PacksReady from the store; QueryClosed from the desk
caf::actor spawn_client_gate(caf::actor_system& system, const config::PartyConfig& config, protocol::PartyId self,
                             std::filesystem::path data_folder, const caf::actor& keeper,
                             monitoring::Registry& registry);

}  // namespace blindsight::actors
