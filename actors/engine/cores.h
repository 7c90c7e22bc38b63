#pragma once

#include <filesystem>

namespace blindsight::actors {

/// Cores that this process may keep busy: those that it is pinned to (taskset, cpusets), and no more than the quota of
/// its control group (version 2, cpu.max) and of those above, rounded up. At least 1.
unsigned usable_cores(const std::filesystem::path& proc = "/proc",
                      const std::filesystem::path& cgroup_root = "/sys/fs/cgroup");

/// `threads`, or one per usable core when it is 0.
unsigned or_cores(unsigned threads);

}  // namespace blindsight::actors
