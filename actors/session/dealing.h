#pragma once

#include <string>
#include <string_view>

#include "protocol/core/layer_spec.h"
#include "protocol/core/program.h"

namespace blindsight::actors {

/// The choice that the keys `triples` and `randomness` name, as config checks them.
protocol::Dealing dealing_of(std::string_view triples, std::string_view randomness);

/// Why `protocol` does not run with these values of the keys, for a person to mend; empty when it does.
std::string dealing_refusal(const protocol::Protocol& protocol, std::string_view triples, std::string_view randomness);

/// The network as parties with these keys evaluate it.
protocol::NetworkSpec dealt_as(protocol::NetworkSpec network, const protocol::Dealing& dealing);

}  // namespace blindsight::actors
