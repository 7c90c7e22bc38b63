#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <memory>

#include "actors/deployment/deployment.h"
#include "actors/offload/offload.h"
#include "config/config.h"
#include "protocol/core/program.h"

namespace blindsight::actors {

/// A thread of its own between the disk and the actors.
///
///   deploy_begin, deploy_share, deploy_commit from a client, by way of the gate → written, answered; after commit
///   Deployed to the node PrepareSession from the node → weight shares read, program made, SessionPrepared back
caf::actor spawn_deployment_keeper(caf::actor_system& system, DeploymentFolder folder, protocol::PartyId self,
                                   const config::PartyConfig& config, const protocol::Protocol& protocol,
                                   Offload& offload);

}  // namespace blindsight::actors
