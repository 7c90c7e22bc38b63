#pragma once

#include "protocol/beaver/truncate.h"

namespace blindsight::protocol::securenn {

/// ShareTruncate (SecureNN, algorithm 11), `shift` from 1 to 63. As published it fails with probability |a| / 2^64 per
/// element and is then off by 2^(64 - shift); check() refuses ranges where that is more than 2^-32.
inline void truncate(PartyId server, unsigned shift, std::span<tensor::Word64> share) {
  beaver::truncate<tensor::Word64>(share, shift, server);
}

}  // namespace blindsight::protocol::securenn
