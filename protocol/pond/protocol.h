#pragma once

#include "protocol/core/protocol.h"

namespace blindsight::protocol::pond {

/// Pond, TF Encrypted's first protocol: SPDZ-style products over Z_2^128, a polynomial in ReLU's place, average pooling
/// only. Everything is dealt ahead.
const Protocol& protocol();

}  // namespace blindsight::protocol::pond
