#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "config/config.h"
#include "protocol/core/protocol.h"

namespace blindsight::actors {

/// Dealt bytes that may wait in one of the crypto producer's links before it pauses: enough to keep the link busy, no
/// more memory than that.
constexpr std::int64_t dealer_window_bytes = 16 * 1024 * 1024;

/// What a party will take in memory with one network deployed, in bytes.
struct MemoryEstimate {
  std::uint64_t process = 0;     ///< program, libraries, heap that is not handed out
  std::uint64_t deployment = 0;  ///< filters and weight shares
  std::uint64_t set_up = 0;      ///< more than that while a session is set up, before there are packs
  std::uint64_t per_pack = 0;
  std::uint64_t per_query = 0;  ///< more than its pack
  std::uint64_t working = 0;    ///< temporaries of the bands in work at once
  std::uint64_t links = 0;      ///< messages waiting in links
  bool answers = true;          ///< takes part in queries: not a producer that only deals

  /// Most that is held with `packs` ready, in preparation or in use, and `queries` running.
  std::uint64_t peak(std::uint64_t packs, std::uint64_t queries) const;

  bool operator==(const MemoryEstimate&) const = default;
};

/// From what the protocol declares for its network, and the configuration: nothing is allocated, nothing measured.
MemoryEstimate estimate_memory(const config::PartyConfig& config, const protocol::Bound& bound);

/// For a person.
struct Unlocked {
  std::string why, advice;
};
/// That the keys of this party's packs may go to a swap: none when the process may lock as many in memory as its
/// configuration lets it hold at once. Found by trying.
std::optional<Unlocked> unlocked_keys(const config::PartyConfig& config);

/// Packs that a party may hold within its memory.
struct PackBudget {
  std::uint64_t depth = 0;     ///< kept ready ahead of queries
  std::uint64_t at_most = 0;   ///< ready, in preparation or in use
  bool while_serving = false;  ///< refill while a query runs, too
  std::string warning;         ///< for a person when depth is less than configured; otherwise empty
};

/// `available_bytes`: what the process may take in all. The error says what would be needed, what there is and what to
/// do, when not even one pack and one query fit.
protocol::Result<PackBudget> budget_packs(const config::PartyConfig& config, const MemoryEstimate& estimate,
                                          std::uint64_t available_bytes);

/// Packs that may be ready or in preparation now: the depth while nothing runs (or while serving), as many as wait
/// otherwise, and never more than the budget leaves beside those in use.
constexpr std::uint64_t packs_to_want(const PackBudget& budget, std::uint64_t queries_running,
                                      std::uint64_t queries_waiting) {
  const std::uint64_t goal = std::max(queries_running > 0 && !budget.while_serving ? 0 : budget.depth, queries_waiting),
                      room = budget.at_most - std::min(budget.at_most, queries_running);
  return std::min(goal, room);
}

/// What this process may take in all: what the machine has available and what the process holds already, and no more
/// than the limits of its cgroup (version 2) and those above. The largest number when the system does not tell.
std::uint64_t memory_for_this_process(const std::filesystem::path& proc = "/proc",
                                      const std::filesystem::path& cgroup_root = "/sys/fs/cgroup");

/// One line for a person: the peak with `packs` and, at a server, one query at a time, and what it is made of.
std::string describe(const MemoryEstimate& estimate, const config::PartyConfig& config, std::uint64_t packs);

}  // namespace blindsight::actors
