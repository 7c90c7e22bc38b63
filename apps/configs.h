#pragma once

#include <filesystem>
#include <optional>

#include "config/config.h"

namespace blindsight::apps {

// The files, or a Failure that tells every problem with its line.
config::PartyConfig read_party_config(const std::filesystem::path& file);
config::ClientConfig read_client_config(const std::filesystem::path& file);
/// None in a client's file.
std::optional<config::Role> role_in(const std::filesystem::path& file);
/// Whose file it is and which key it names; all else in it may still be missing.
config::NamedKey read_named_key(const std::filesystem::path& file);

}  // namespace blindsight::apps
