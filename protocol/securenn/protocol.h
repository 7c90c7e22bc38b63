#pragma once

#include "protocol/core/protocol.h"

namespace blindsight::protocol::securenn {

/// SecureNN (Wagh, Gupta, Chandran, PETS 2019) over Z_2^64: exact ReLU and max pooling, the producer helps online,
/// nothing is dealt ahead.
const Protocol& protocol();

}  // namespace blindsight::protocol::securenn
