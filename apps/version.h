#pragma once

#include <string_view>

namespace blindsight::apps {

/// Of the software, as `--version` and build_info show it.
std::string_view version();
/// Abbreviated commit that was built, "unknown" outside a git checkout.
std::string_view commit();

}  // namespace blindsight::apps
