#pragma once

#include <filesystem>

#include "config/config.h"

namespace blindsight::apps {

// The files, or a Failure that tells every problem with its line.
config::PartyConfig read_party_config(const std::filesystem::path& file);
config::ClientConfig read_client_config(const std::filesystem::path& file);

}  // namespace blindsight::apps
