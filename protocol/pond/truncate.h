#pragma once

#include "protocol/beaver/truncate.h"

namespace blindsight::protocol::pond {

/// Local truncation in Z_2^128: fails with probability |a| / 2^128.
inline void truncate(std::span<tensor::Word128> share, unsigned bits, PartyId server) {
  beaver::truncate<tensor::Word128>(share, bits, server);
}

}  // namespace blindsight::protocol::pond
