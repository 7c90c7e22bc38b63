#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <memory>
#include <vector>

#include "actors/engine/layer.h"
#include "monitoring/probes.h"

namespace blindsight::actors {

/// Numbers the packs of a process over all its sessions; never goes back.
using PackCounter = std::atomic<std::uint64_t>;

/// The crypto producer's side of preprocessing: deals one pack after the other, as long as *both* servers want one
/// more, band by band, and pauses while much of what was dealt still waits in a link.
///
///   want from the servers        → perhaps the next pack: deal_begins to both, then PrepareBands to the layers
///   BandPrepared, Drained        → the next bands
///
/// `helper`, if there is one, is told PackAnnounced before the servers are.
caf::actor spawn_dealer(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                        std::vector<caf::actor> layers, std::shared_ptr<PackCounter> counter, unsigned bands_at_once,
                        const caf::actor& helper, const caf::actor& supervisor, monitoring::Registry& registry);

}  // namespace blindsight::actors
