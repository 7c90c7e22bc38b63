#pragma once

#include "protocol/plaintext/conv2d.h"

namespace blindsight::protocol::plaintext {

/// floor(z / 2^bits) in place: the lower of the two values that the encrypted truncation may give.
inline void truncate(Values& z, unsigned bits) {
  for (std::int64_t& v : z) v >>= bits;
}

}  // namespace blindsight::protocol::plaintext
