#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <chrono>
#include <memory>
#include <vector>

#include "actors/engine/layer.h"

namespace blindsight::actors {

struct SchedulerSettings {
  std::size_t max_queries = 8;  ///< waiting and running; more are refused as "busy"
  std::chrono::milliseconds timeout{120'000};
};

/// Matches queries with packs at one server, for one session. Server 0 leads:
///
///   client → both servers: SubmitQuery at each
///   server 1 tells server 0 that the client's share is there (query_pending)
///   server 0, when both have it and a pack is ready at both: query_start with the pack's number; both spawn an
///   inference
///   whatever goes wrong at one is told the other (query_cancelled), and the pack is burned at both
///
/// A producer that helps online is told query_start, too, and query_cancelled by both; it cancels a query at both.
///
/// EndSession fails all queries with its reason and ends the scheduler.
caf::actor spawn_scheduler(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                           std::vector<caf::actor> layers, const caf::actor& store, const SchedulerSettings& settings,
                           const caf::actor& supervisor, const caf::actor& front_end);

}  // namespace blindsight::actors
