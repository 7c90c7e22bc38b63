#include "actors/engine/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>

#include "actors/engine/cgroup.h"
#include "actors/engine/cores.h"
#include "protocol/core/numbers.h"
#include "protocol/prg/key.h"

namespace blindsight::actors {
namespace {

using protocol::PartyId;

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

/// A party without a deployment takes 20 MiB (measured, VmHWM); the rest is what the heap keeps between blocks.
constexpr std::uint64_t idle_process_bytes = 32 * mib;
constexpr std::uint64_t lanes = 3;

std::string in_mib(std::uint64_t bytes) {
  return std::to_string((bytes + mib - 1) / mib) + " MiB";
}

/// Pieces of secret memory that a party holds at once at most: those of a session and its agreement, one for each
/// pack, and where the producer's shares are its own, one for each server and band in work.
std::size_t secret_pieces(const config::PartyConfig& config) {
  constexpr std::size_t of_session = 16, bands_at_once = 32;
  const std::size_t queries = config.limits.max_queries;
  const bool draws_shares = config.role == config::Role::crypto_producer && config.randomness == "sent";
  return of_session + std::max<std::size_t>(config.preprocessing.depth, queries) +
         (draws_shares ? 2 * bands_at_once * std::max<std::size_t>(1, queries) : 0);
}

/// The number after `key` in a file of lines "key: number kB", in bytes.
std::uint64_t kilobytes_of(const std::filesystem::path& file, std::string_view key, std::uint64_t otherwise) {
  std::ifstream in(file);
  std::string word;
  while (in >> word)
    if (std::uint64_t value = 0; word == key && in >> value && value <= no_limit / 1024) return value * 1024;
  return otherwise;
}

std::string parts(const MemoryEstimate& e, const config::PartyConfig& config) {
  std::string text =
      "process and links " + in_mib(e.process + e.links) + ", filters and weight shares " + in_mib(e.deployment);
  if (!protocol::is_server(static_cast<PartyId>(config.role)))
    return text + (e.answers ? ", each query at once " + in_mib(e.per_query) : std::string()) + ", work " +
           in_mib(e.working);
  return text + ", each pack " + in_mib(e.per_pack) + ", each query at once " + in_mib(e.per_query) + ", work " +
         in_mib(e.working);
}

}  // namespace

std::uint64_t MemoryEstimate::peak(std::uint64_t packs, std::uint64_t queries) const {
  return process + deployment + links +
         std::max(set_up, std::max(packs, queries) * per_pack + queries * per_query + working);
}

MemoryEstimate estimate_memory(const config::PartyConfig& config, const protocol::Bound& bound) {
  const auto self = static_cast<PartyId>(config.role);
  const protocol::Memory m = bound.costs->memory(self);
  MemoryEstimate e;
  e.process = idle_process_bytes;
  e.deployment = m.deployment;
  e.set_up = m.set_up;
  e.per_pack = m.per_pack;
  e.per_query = m.per_query;
  e.answers = protocol::is_server(self) || bound.protocol->producer_online;
  const std::uint64_t preparing = or_cores(config.threads.preprocessing),
                      answering = e.answers ? or_cores(config.threads.online) : 0;
  e.working = m.working * (preparing + answering);
  // Two peers: what a lane may have under way, and one frame being read.
  e.links = 2 * (lanes * std::uint64_t{config.link.credit_bytes} + config.link.frame_bytes);
  if (!protocol::is_server(self)) e.links += 2 * static_cast<std::uint64_t>(dealer_window_bytes);
  return e;
}

std::optional<Unlocked> unlocked_keys(const config::PartyConfig& config) {
  const std::size_t pieces = secret_pieces(config);
  if (protocol::can_lock_secrets(pieces)) return std::nullopt;
  return Unlocked{"keys of packs may go to a swap: " + std::string(config::name(config.role)) + " may not lock " +
                      protocol::human_bytes(protocol::locked_bytes(pieces)) + " of memory",
                  "raise `ulimit -l` (LimitMEMLOCK= of a service), or leave the process no swap"};
}

protocol::Result<PackBudget> budget_packs(const config::PartyConfig& config, const MemoryEstimate& e,
                                          std::uint64_t available_bytes) {
  const auto who = std::string(config::name(config.role));
  const bool server = protocol::is_server(static_cast<PartyId>(config.role));
  if (const auto needed = e.peak(server, e.answers); needed > available_bytes)
    return protocol::fail(protocol::Fault::usage,
                          "the model does not fit into the memory of " + who +
                              ": with one pack and one query it needs " + in_mib(needed) + " (" + parts(e, config) +
                              "), and the process may take " + in_mib(available_bytes) +
                              ": give it a larger machine or cgroup (memory.max), or end what else runs there");
  if (!server) return PackBudget{};
  const std::uint64_t key_bytes = config.preprocessing.memory_limit_mb * mib;
  if (e.per_pack > key_bytes)
    return protocol::fail(protocol::Fault::usage, "one pack of this model takes " + in_mib(e.per_pack) + ", and " +
                                                      who + " allows " + in_mib(key_bytes) +
                                                      " for packs: raise the key preprocessing.memory_limit_mb");
  const std::uint64_t configured = config.preprocessing.depth, queries = config.limits.max_queries;
  PackBudget budget{configured, 1, config.preprocessing.while_serving, {}};
  // More than that cannot be asked for. Each pack may be in use.
  for (const auto most = std::max(configured, queries); budget.at_most < most; ++budget.at_most) {
    const auto next = budget.at_most + 1;
    if (next * e.per_pack > key_bytes || e.peak(next, std::min(next, queries)) > available_bytes) break;
  }
  if (budget.at_most < configured) {
    budget.depth = budget.at_most;
    budget.warning = who + " keeps " + std::to_string(budget.depth) + " packs ready, not the " +
                     std::to_string(configured) + " of the key preprocessing.depth: " + std::to_string(configured) +
                     " packs would take " + in_mib(configured * e.per_pack) +
                     " (key preprocessing.memory_limit_mb: " + in_mib(key_bytes) + ") and the process " +
                     in_mib(e.peak(configured, std::min(configured, queries))) + " of " + in_mib(available_bytes) +
                     " that it may take";
  }
  return budget;
}

std::uint64_t memory_for_this_process(const std::filesystem::path& proc, const std::filesystem::path& cgroup_root) {
  const auto available = kilobytes_of(proc / "meminfo", "MemAvailable:", no_limit),
             held = kilobytes_of(proc / "self/status", "VmRSS:", 0);
  std::uint64_t limit = available > no_limit - held ? no_limit : available + held;
  for (const auto& group : own_cgroups(proc, cgroup_root)) {
    // "max", or no file at the root: no limit.
    std::ifstream in(group / "memory.max");
    if (std::uint64_t bytes = 0; in >> bytes) limit = std::min(limit, bytes);
  }
  return limit;
}

std::string describe(const MemoryEstimate& e, const config::PartyConfig& config, std::uint64_t packs) {
  const bool server = protocol::is_server(static_cast<PartyId>(config.role));
  return "at most " + in_mib(e.peak(server ? packs : 0, e.answers)) +
         (server      ? " with " + std::to_string(packs) + " packs and one query at a time"
          : e.answers ? std::string(" with one query at a time")
                      : std::string()) +
         ": " + parts(e, config);
}

}  // namespace blindsight::actors
