#pragma once

#include <span>

#include "protocol/core/party.h"
#include "tensor/ring.h"

namespace blindsight::protocol::pond {

/// A server's share of a into its share of floor(a / 2^bits) + {0, 1}, in place and without a message; 0 <= bits < 128,
/// -2^127 <= a < 2^127. The larger result comes with probability (a mod 2^bits) / 2^bits over uniform shares. Wrong, by
/// 2^(128 - bits), with probability |a| / 2^128 per element: when the shares' sum wraps (SecureML, Mohassel and Zhang,
/// S&P 2017, theorem 1).
void truncate(std::span<tensor::Word128> share, unsigned bits, PartyId server);

}  // namespace blindsight::protocol::pond
