#pragma once

#include <map>
#include <string>

#include "config/config.h"

namespace blindsight::config {

/// Line of each key that the file holds and that has a good value.
using Lines = std::map<std::string, std::size_t, std::less<>>;

/// Checks that hold between keys; each key's own type and bounds are checked as it is read. Says nothing about keys
/// that are not in `lines`.
std::vector<Problem> validate(const PartyConfig& config, const Lines& lines);
std::vector<Problem> validate(const ClientConfig& config, const Lines& lines);

}  // namespace blindsight::config
