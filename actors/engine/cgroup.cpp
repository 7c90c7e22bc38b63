#include "actors/engine/cgroup.h"

#include <fstream>
#include <string>

namespace blindsight::actors {

std::vector<std::filesystem::path> own_cgroups(const std::filesystem::path& proc,
                                               const std::filesystem::path& cgroup_root) {
  // The path in the one hierarchy of version 2: the line "0::/path".
  std::filesystem::path group;
  std::ifstream in(proc / "self/cgroup");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("0::/")) group = line.substr(4);
  std::vector<std::filesystem::path> folders;
  for (;; group = group.parent_path()) {
    folders.push_back(cgroup_root / group);
    if (group.empty()) return folders;
  }
}

}  // namespace blindsight::actors
