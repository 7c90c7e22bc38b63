#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "protocol/core/choice.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace blindsight::apps {

/// --protocol, the default one unless said otherwise; the help names what there is.
CLI::Option* add_protocol_flag(CLI::App& command, std::string& text);

/// --protocol, empty unless said otherwise. `otherwise`: what happens then, for the help.
CLI::Option* add_optional_protocol_flag(CLI::App& command, std::string& text, const std::string& otherwise);

/// --triples and --randomness as the keys of the same names in a party's file; empty unless said.
struct DealingFlags {
  std::string triples, randomness;
};
void add_dealing_flags(CLI::App& command, DealingFlags& flags);

/// What a command line says of how queries are computed: by --protocol, a protocol's name or a whole spelling
/// ("securenn/fresh/sent"), and by the flags. What it leaves out is null or empty.
struct Named {
  const protocol::Protocol* protocol = nullptr;
  std::string triples, randomness;

  bool names(const protocol::Choice& choice) const;
  /// With the default for whatever is left out. A Failure when the protocol has no such choice.
  protocol::Choice choice() const;
};
/// A Failure for what there is not, and when the flags and --protocol say different things.
Named named(std::string_view protocol, const DealingFlags& flags = {});

/// What a party's file says. The error is for a person to mend.
protocol::Result<protocol::Choice> choice_in(const config::PartyConfig& config);

}  // namespace blindsight::apps
