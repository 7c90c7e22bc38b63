#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <memory>
#include <string>
#include <vector>

#include "actors/engine/layer.h"
#include "actors/serve/messages.h"

namespace blindsight::actors {

/// One query at one server, from its pack to its answer: lays out the maps, starts the layers, collects their
/// reports, sends the client its half of the output or the reason why there is none, tells QueryEnded to `scheduler`,
/// and is gone.
///
///   LayerDone, ClientBound from the layers; StepFailed, AbortQuery, TimeIsUp end it without a result
caf::actor spawn_inference(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                           std::vector<caf::actor> layers, SubmitQuery query, Pack pack, const caf::actor& scheduler);

/// Tells a client why its query has no answer.
void send_failure(const caf::actor& client, const wire::QueryId& query, const protocol::Error& error);

}  // namespace blindsight::actors
