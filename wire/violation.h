#pragma once

#include <string>
#include <utility>

#include "protocol/core/result.h"

namespace blindsight::wire {

/// Whoever sends what cannot be read has broken the protocol.
inline tl::unexpected<protocol::Error> fail(std::string what) {
  return protocol::fail(protocol::Fault::violation, std::move(what));
}

}  // namespace blindsight::wire
