#pragma once

#include "protocol/core/protocol.h"

namespace blindsight::protocol::blink {

/// Blink: masked evaluation with a crypto producer, local truncation into a small ring, exact comparison there, exact
/// lift back (the family of ABY2.0, ASTRA and Trio): docs/protocols/blink.md, and tests/spec/blink_spec.py as something
/// that runs.
const Protocol& protocol();

}  // namespace blindsight::protocol::blink
