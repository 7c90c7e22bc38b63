#pragma once

#include <string>

#include "config/config.h"
#include "wire/credentials.h"

namespace blindsight::apps {

/// The line by which others know a party: pins.ROLE = "...".
std::string pin_line(config::Role role, const wire::Credentials& key);

/// The line by which a party knows a client, with what it may do.
std::string client_line(const config::ClientRights& rights);

}  // namespace blindsight::apps
