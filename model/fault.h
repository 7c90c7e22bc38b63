#pragma once

#include <string>

#include "protocol/core/result.h"

namespace blindsight::model {

/// What this floor fails at is a person's file or wish: theirs to mend.
inline tl::unexpected<protocol::Error> fail(std::string what) {
  return protocol::fail(protocol::Fault::usage, std::move(what));
}

}  // namespace blindsight::model
