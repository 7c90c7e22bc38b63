#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace blindsight::apps {

/// JSON as every command prints it, in one line unless `indent` is given. Names come from files and other machines: a
/// byte that is no UTF-8 becomes the replacement character.
std::string dump(const nlohmann::ordered_json& json, int indent = -1);

}  // namespace blindsight::apps
