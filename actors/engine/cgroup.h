#pragma once

#include <filesystem>
#include <vector>

namespace blindsight::actors {

/// The folders of this process's control group (version 2) and of those above it, the innermost first; the root's alone
/// where there are none. The limits of all of them hold. Only what is looked for in them tells whether they exist.
std::vector<std::filesystem::path> own_cgroups(const std::filesystem::path& proc,
                                               const std::filesystem::path& cgroup_root);

}  // namespace blindsight::actors
