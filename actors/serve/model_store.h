#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <memory>

#include "actors/engine/offload.h"
#include "actors/serve/deployment.h"
#include "config/config.h"
#include "protocol/core/choice.h"

namespace blindsight::actors {

/// A thread of its own between the disk and the actors. The folder is its own from now on: what uploads that were
/// broken off have left there is removed.
///
///   BeginDeployment from the front end, then deploy_share, deploy_commit from the same client, by way of it
///                                      → written, answered; after commit Deployed to the supervisor
///   PrepareSession from the supervisor → weight shares read, program made, SessionPrepared back
caf::actor spawn_model_store(caf::actor_system& system, DeploymentFolder folder, protocol::PartyId self,
                             const config::PartyConfig& config, const protocol::Choice& choice, Offload& offload);

}  // namespace blindsight::actors
