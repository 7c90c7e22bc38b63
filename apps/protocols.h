#pragma once

#include <string>

#include "protocol/core/program.h"

namespace CLI {
class App;
}

namespace blindsight::apps {

/// --protocol, "blink" unless said otherwise; the help names what there is. The client's own word for it counts, never
/// a server's: a server that says "plaintext" would otherwise be sent an image in the clear.
void add_protocol_flag(CLI::App& command, std::string& name);

/// A Failure for a name that is not in the table.
const protocol::Protocol& protocol_named(const std::string& name);

}  // namespace blindsight::apps
