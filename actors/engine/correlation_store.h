#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <memory>
#include <vector>

#include "actors/engine/layer.h"
#include "monitoring/probes.h"

namespace blindsight::actors {

/// A server's stock of packs: asks the crypto producer for more, has the layers prepare what it deals, and hands each
/// pack out once, by move. The stock is refilled while no query runs, or when one waits, unless the session's budget
/// says to refill while serving: preprocessing does not compete with a running query. Packs that are ready, in
/// preparation or in use are never more than the budget allows.
///
///   Begin                         → the first packs are asked for
///   deal_begins from the producer → PrepareBands to every layer; BandPrepared … → ready (server 1 tells server 0)
///   TakeAnyPack (server 0)        → answered with the oldest pack that is ready at both servers, when there is one
///   WithdrawTake (server 0)       → the query waits no more: the pack stays for the next one
///   TakePack (server 1)           → answered at once
///   BurnPack                      → never used
caf::actor spawn_correlation_store(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                                   std::vector<caf::actor> layers, const caf::actor& supervisor,
                                   const caf::actor& front_end, monitoring::Registry& registry);

}  // namespace blindsight::actors
