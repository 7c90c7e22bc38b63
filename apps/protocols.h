#pragma once

#include <string>

#include "protocol/core/program.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace blindsight::apps {

/// --protocol, the default one unless said otherwise; the help names what there is.
CLI::Option* add_protocol_flag(CLI::App& command, std::string& name);

/// --protocol, empty unless said otherwise. `otherwise`: what happens then, for the help.
CLI::Option* add_optional_protocol_flag(CLI::App& command, std::string& name, const std::string& otherwise);

/// --triples and --randomness as the keys of the same names in a party's file; empty unless said.
struct DealingFlags {
  std::string triples, randomness;
};
void add_dealing_flags(CLI::App& command, DealingFlags& flags);

/// The choice that the flags make. A Failure when the protocol has none and they are not the default.
protocol::Dealing dealing_of(const DealingFlags& flags, const protocol::Protocol& protocol);

/// A Failure for a name that is not in the table.
const protocol::Protocol& protocol_named(const std::string& name);
/// The same, or null for an empty name.
const protocol::Protocol* protocol_if_named(const std::string& name);

}  // namespace blindsight::apps
