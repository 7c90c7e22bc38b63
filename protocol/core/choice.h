#pragma once

#include <string>
#include <string_view>

#include "protocol/core/protocol.h"

namespace blindsight::protocol {

/// The names of a Dealing's choices by their values, which are also those of the keys `triples` and `randomness`; the
/// default first.
inline constexpr std::string_view triples_names[] = {"reused", "fresh"};
inline constexpr std::string_view randomness_names[] = {"seeded", "sent"};

std::string_view name(Dealing::Triples triples);
std::string_view name(Dealing::Randomness randomness);

/// By which protocol three parties compute, and how its correlations are dealt: what they must agree on.
struct Choice {
  const Protocol* protocol;
  Dealing dealing;

  Result<Bound> bind(const NetworkSpec& network) const { return protocol->bind(network, dealing); }
  bool operator==(const Choice&) const = default;
};

/// "blink", "securenn/fresh/sent": the protocol's name, then what of the dealing is not the default. Equal choices have
/// equal spellings.
std::string spelling(const Choice& choice);

/// From a spelling, defaults left out or not. The error says what there is.
Result<Choice> choice_of(std::string_view text);

/// From a protocol and names of its dealing's choices, empty for the default. The error names the key, or the protocols
/// that have the choice.
Result<Choice> choice_of(const Protocol& protocol, std::string_view triples, std::string_view randomness);

/// A spelling in its parts: those not said are empty. The error says what there is.
struct Spelled {
  const Protocol* protocol;
  std::string_view triples, randomness;
};
Result<Spelled> parts_of(std::string_view text);

}  // namespace blindsight::protocol
