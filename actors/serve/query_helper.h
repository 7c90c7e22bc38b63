#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <chrono>
#include <memory>
#include <vector>

#include "actors/engine/layer.h"

namespace blindsight::actors {

/// The crypto producer's side of queries under a protocol whose producer helps online, for one session: begins each
/// query's pack at all layers, once, and drops it when the query is over.
///
///   PackAnnounced from the dealer     → a query may begin with this pack
///   query_start from server 0         → BeginQuery to every layer, without maps, material or client's share
///   LayerDone from all layers         → the pack is over
///   query_cancelled from a server     → DropPack to every layer (of a pack that is over, too: it changes nothing)
///   StepFailed, no end in `timeout`   → DropPack to every layer, query_cancelled with the reason to both servers
///
/// A pack that was not announced, or is started twice, is a violation: SessionFailed to `supervisor`.
caf::actor spawn_query_helper(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                              std::vector<caf::actor> layers, std::chrono::milliseconds timeout,
                              const caf::actor& supervisor);

}  // namespace blindsight::actors
