#pragma once

#include <array>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <memory>
#include <string>
#include <vector>

#include "actors/offload/offload.h"
#include "monitoring/probes.h"
#include "protocol/core/program.h"

namespace blindsight::actors {

/// What all actors of one session share. Weight shares and program live as long as any step, material or actor of the session.
struct SessionCore {
  protocol::PartyId self = protocol::PartyId::server0;
  std::uint64_t session = 0;                        ///< in every header
  std::vector<protocol::Payload> weight_shares;     ///< before the program, which refers to them
  std::unique_ptr<protocol::Program> program;
  std::array<caf::actor, 3> links;                  ///< by PartyId of the peer; own is none
  std::shared_ptr<Offload> offload;
  std::size_t early_bytes_limit = 1024 * 1024 * 1024;  ///< of messages that came before their step began, per layer
  std::uint64_t stage_count() const { return program->stages().size(); }
};

/// The actor of one stage: holds the steps in flight for any number of queries and routes bytes to and from them. Steps run in
/// the offload arenas and come back as messages; a step's calls follow one another.
///
///   SetUp         → the stage's set-up step runs; StageSetUp to `node`
///   PrepareTiles  → the tiles' preprocessing steps run; TilePrepared to the store or dealer
///   BeginQuery    → a query may begin tiles as RowsWritten says that their rows are there (stage 0: at once)
///   Arrived       → the message goes to its step, or waits for the step to begin
///   tile done     → RowsWritten to `next`; all tiles done → StageDone to the inference
///   a step fails  → StepFailed to the inference (online) or `node` (set-up, preprocessing)
caf::actor spawn_layer(caf::actor_system& system, std::shared_ptr<const SessionCore> core, std::size_t stage,
                       const caf::actor& node, const caf::actor& next, monitoring::Registry& registry);

}  // namespace blindsight::actors
