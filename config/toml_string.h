#pragma once

#include <string>
#include <string_view>

namespace blindsight::config {

/// A text as it stands in a configuration: in quotes, in one line, with all escaped that would end or change it.
std::string toml_string(std::string_view text);

}  // namespace blindsight::config
