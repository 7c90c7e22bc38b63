#pragma once

#include <algorithm>

#include "protocol/plaintext/conv2d.h"

namespace blindsight::protocol::plaintext {

inline void relu(Values& x) {
  for (std::int64_t& v : x) v = std::max<std::int64_t>(v, 0);
}

}  // namespace blindsight::protocol::plaintext
