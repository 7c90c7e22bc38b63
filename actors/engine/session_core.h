#pragma once

#include <array>
#include <caf/actor.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "actors/engine/memory.h"
#include "actors/engine/offload.h"
#include "protocol/core/program.h"
#include "wire/job.h"

namespace blindsight::actors {

/// What all actors of one session share. Network, weight shares and program live as long as any step, material or actor
/// of the session.
struct SessionCore {
  protocol::PartyId self = protocol::PartyId::server0;
  std::uint64_t session = 0;  ///< in every header: the beginning of the id
  wire::SessionId session_id{};
  protocol::ModelNumber model = 1;  ///< in every Work: a session serves one model today
  protocol::NetworkSpec network;
  std::vector<protocol::Payload> weight_shares;  ///< before the program, which refers to them
  std::unique_ptr<protocol::Program> program;
  /// Opened by the supervisor for the set-up, and after Begin by store or dealer alone. Whoever opens a pack hands its
  /// keys on to those who work on it; the ring itself keeps none.
  std::unique_ptr<protocol::KeyRing> keys;
  bool producer_online = false;                        ///< Traits::producer_online
  PackBudget budget;                                   ///< of a server
  std::size_t input_share_bytes = 0;                   ///< of a client's message to this server
  std::array<caf::actor, 3> links;                     ///< by PartyId of the peer; own is none
  Offload* offload = nullptr;                          ///< outlives all sessions: a task must not be what ends it
  std::size_t early_bytes_limit = 1024 * 1024 * 1024;  ///< of messages that wait, at a layer and in a step
};

}  // namespace blindsight::actors
