#pragma once

#include <string>
#include <string_view>

#include "protocol/core/layer_spec.h"
#include "protocol/core/program.h"

namespace blindsight::protocol {

/// The choice that the keys `triples` and `randomness` name, as config checks them.
Dealing dealing_of(std::string_view triples, std::string_view randomness);

/// Why `protocol` does not run with these values of the keys, for a person to mend; empty when it does.
std::string dealing_refusal(const Protocol& protocol, std::string_view triples, std::string_view randomness);

/// The network as parties with these keys evaluate it.
NetworkSpec dealt_as(NetworkSpec network, const Dealing& dealing);

}  // namespace blindsight::protocol
