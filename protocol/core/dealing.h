#pragma once

#include <cstdint>

namespace blindsight::protocol {

/// How a protocol that lets one choose makes its correlations (Traits::dealing_choices). The parties' choice, agreed in
/// their handshake; no part of a plan, so that one deployment serves under any.
struct Dealing {
  /// reused: a weight is masked and opened once a session; fresh: with each product.
  enum class Triples : std::uint8_t { reused, fresh };
  /// seeded: shares that may be uniform are expanded from a seed of sender and receiver; sent: the producer sends all.
  enum class Randomness : std::uint8_t { seeded, sent };

  Triples triples = Triples::reused;
  Randomness randomness = Randomness::seeded;
  bool operator==(const Dealing&) const = default;
};

}  // namespace blindsight::protocol
