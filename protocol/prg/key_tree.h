#pragma once

#include <array>
#include <cstdint>

#include "protocol/core/party.h"
#include "protocol/core/result.h"
#include "protocol/prg/key.h"

namespace blindsight::protocol {

/// One party's keys for one purpose, by PartyId: two that it shares with the others, and at its own place one that it
/// shares with nobody.
using KeySet = std::array<Key, 3>;

/// Keys with numbers, each handed out once and in rising order: what has been handed out, or lies behind it, can never
/// be derived again from what is held. So a copy of the memory that is taken later opens nothing earlier.
///
/// A ratchet k_{n+1} = KDF(k_n) would do the same step by step, and would need its beginning agreed and its leaps
/// bounded. Here the keys are the leaves of a binary tree in which a node gives both its children and neither gives its
/// parent, and what is held is the nodes that cover all numbers still to come, one of each height at most: a leap of
/// any length costs one derivation for each level, and which numbers were left out changes no key.
class KeyTree {
 public:
  /// Numbers below 2^levels (levels < 64).
  KeyTree(const KeySet& roots, unsigned levels);

  /// The keys of this number. The error: it is behind one that was taken, or the numbers end before it.
  Result<KeySet> take(std::uint64_t number);

 private:
  std::span<std::uint8_t> node(unsigned height) const;
  unsigned height_at(std::uint64_t first) const;

  unsigned levels_;
  std::uint64_t next_ = 0;  ///< behind all that was taken or left out
  SecretMemory nodes_;      ///< three keys for each height; zeros where there is none
};

}  // namespace blindsight::protocol
