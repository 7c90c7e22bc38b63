#pragma once

#include <span>

#include "protocol/core/party.h"
#include "tensor/ring.h"

namespace blindsight::protocol::securenn {

/// ShareTruncate (SecureNN, algorithm 11; SecureML, IEEE S&P 2017): each server shifts its own share of a down by
/// `shift` bits, 1 to 63, in place; nothing is sent. The result is floor(a / 2^shift) or one more, but for a failure
/// with probability |a| / 2^64 per element over the sharing, which is then off by 2^(64 - shift).
inline void truncate(PartyId server, unsigned shift, std::span<tensor::Word64> share) {
  const bool negated = server == PartyId::server1;
  for (tensor::Word64& x : share) {
    const auto down = [shift](tensor::Word64 v) {
      return static_cast<tensor::Word64>(static_cast<std::int64_t>(v) >> shift);
    };
    x = negated ? 0 - down(0 - x) : down(x);
  }
}

}  // namespace blindsight::protocol::securenn
