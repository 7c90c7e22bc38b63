#pragma once

#include "protocol/core/protocol.h"

namespace blindsight::protocol::plaintext {

/// The oracle in the step form: server 0 is given image and weights in the clear and evaluates exact integers with
/// floor truncation. It hides nothing; it is there so that the same actors, tests and benches can be run without a
/// protocol. leak: everything, to server 0.
const Protocol& protocol();

}  // namespace blindsight::protocol::plaintext
