#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <memory>

#include "actors/engine/session_core.h"
#include "monitoring/probes.h"

namespace blindsight::actors {

/// The actor of one stage: holds the steps in flight for any number of queries and routes bytes to and from them. Steps
/// run in the offload's threads and come back as messages; a step's calls follow one another.
///
///   SetUp         → the stage's set-up step runs; StageSetUp to `supervisor`
///   PrepareTiles  → the tiles' preprocessing steps run; TilePrepared to the store or dealer
///   BeginQuery    → a query may begin tiles as RowsWritten says that their rows are there (stage 0: at once), so many
///                   at once as the stage says. At a producer that helps online: no planes, material or client's share
///   Arrived       → the message goes to its step, or waits for the step to begin
///   tile done     → RowsWritten to `next`; all tiles done → StageDone to the inference
///   a step fails  → StepFailed to the inference (online) or `supervisor` (set-up, preprocessing)
///
/// At the producer, a query helper has the inference's place.
caf::actor spawn_layer(caf::actor_system& system, std::shared_ptr<const SessionCore> core, std::size_t stage,
                       const caf::actor& supervisor, const caf::actor& next, monitoring::Registry& registry);

}  // namespace blindsight::actors
