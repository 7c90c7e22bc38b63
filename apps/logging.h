#pragma once

#include "config/config.h"

namespace blindsight::apps {

/// spdlog's default logger as a party's configuration wants it: to standard error or a file, times in UTC. A Failure
/// when the file cannot be written.
void start_logging(const config::PartyConfig::Log& log);
/// For commands other than `party`: warnings and worse, to standard error.
void start_logging_for_clients();

}  // namespace blindsight::apps
