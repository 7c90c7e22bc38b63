#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <memory>

#include "actors/engine/session_core.h"
#include "monitoring/probes.h"

namespace blindsight::actors {

/// The actor of one value, the input or what a layer makes: holds the steps in flight for any number of queries and
/// routes bytes to and from them. Steps run in the offload's threads and come back as messages; a step's calls follow
/// one another.
///
///   SetUp         → the layer's set-up step runs; LayerSetUp to `supervisor`
///   PrepareBands  → the bands' preprocessing steps run; BandPrepared to the store or dealer
///   BeginQuery    → a query may begin bands as RowsWritten says that their rows are there (the input: at once), so
///   many
///                   at once as its ValueInfo says. At a producer that helps online: no maps, material or client's
///                   share
///   Arrived       → the message goes to its step, or waits for the step to begin
///   band done     → RowsWritten to `next`; all bands done → LayerDone to the inference
///   a step fails  → StepFailed to the inference (online) or `supervisor` (set-up, preprocessing)
///
/// At the producer, a query helper has the inference's place.
caf::actor spawn_layer(caf::actor_system& system, std::shared_ptr<const SessionCore> core, protocol::ValueId value,
                       const caf::actor& supervisor, const caf::actor& next, monitoring::Registry& registry);

}  // namespace blindsight::actors
