#pragma once

#include "config/config.h"
#include "protocol/core/result.h"

namespace blindsight::apps {

/// spdlog's default logger as a party's configuration wants it: to standard error or a file, times in UTC. A Failure
/// when the file cannot be written.
void start_logging(const config::PartyConfig::Log& log);
/// After start_logging(), while threads write: the file anew, under its name (which whoever rotates logs has taken from
/// the old one), and the level. After an error all goes on as before.
protocol::Result<void> reopen_log(const config::PartyConfig::Log& log);
/// For commands other than `party`: warnings and worse, to standard error.
void start_logging_for_clients();

}  // namespace blindsight::apps
