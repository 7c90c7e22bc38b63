#pragma once

#include <array>
#include <cstdint>

#include "model/plan/plan.h"
#include "protocol/core/work.h"
#include "wire/identity.h"

namespace blindsight::wire {

using QueryId = std::array<std::uint8_t, 16>;
using SessionId = std::array<std::uint8_t, 32>;

/// What is asked for, equal in both halves of a query: each server takes its half only if the other's says the same, so
/// halves of different images, clients or times never meet.
struct JobHeader {
  QueryId job{};
  model::Digest plan{};
  Fingerprint client{};                  ///< whose key may ask with it; zeros on plain links
  std::array<std::uint8_t, 32> nonce{};  ///< fresh for each image
  std::uint64_t not_after_ms = 0;        ///< in Unix time by server 0's clock; 0: no limit

  bool operator==(const JobHeader&) const = default;
};

/// BLAKE2b-256 of all of it: what the servers tell each other instead of the header.
using JobDigest = std::array<std::uint8_t, 32>;
JobDigest digest(const JobHeader& header);

/// One running of a job with one pack of one session (BLAKE2b-256 of both). Both answers carry it, and only halves of
/// one attempt make an answer.
using Attempt = std::array<std::uint8_t, 32>;
Attempt attempt_of(const SessionId& session, protocol::PackId pack);

}  // namespace blindsight::wire
