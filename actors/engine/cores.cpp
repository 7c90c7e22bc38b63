#include "actors/engine/cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

#include "actors/engine/cgroup.h"

namespace blindsight::actors {

unsigned usable_cores(const std::filesystem::path& proc, const std::filesystem::path& cgroup_root) {
  unsigned cores = std::thread::hardware_concurrency();
  cpu_set_t pinned;
  // It fails on machines of more cores than the set has room for (1024): all of them count then.
  if (::sched_getaffinity(0, sizeof pinned, &pinned) == 0) cores = static_cast<unsigned>(CPU_COUNT(&pinned));
  for (const auto& group : own_cgroups(proc, cgroup_root)) {
    // "max 100000", or no file at the root: no limit.
    std::ifstream in(group / "cpu.max");
    if (double quota = 0, period = 0; in >> quota >> period && quota > 0 && period > 0 && quota / period < cores)
      cores = static_cast<unsigned>(std::ceil(quota / period));
  }
  return std::max(1u, cores);
}

unsigned or_cores(unsigned threads) {
  return threads > 0 ? threads : usable_cores();
}

}  // namespace blindsight::actors
