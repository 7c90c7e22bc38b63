#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <filesystem>
#include <string>

#include "config/config.h"
#include "monitoring/probes.h"
#include "protocol/core/party.h"

namespace blindsight::actors {

/// Answers clients: status, the plan, deployments (passed to the model store), queries (passed to the scheduler of the
/// session, or refused with the reason). Lives as long as the party. `choice`: how the party computes, as
/// protocol::spelling() writes it.
///
///   ClientGone, Deployed, Serving from the supervisor; PacksReady from the store; QueryClosed from the scheduler
caf::actor spawn_front_end(caf::actor_system& system, const config::PartyConfig& config, std::string choice,
                           protocol::PartyId self, std::filesystem::path data_folder, const caf::actor& model_store,
                           monitoring::Registry& registry);

}  // namespace blindsight::actors
