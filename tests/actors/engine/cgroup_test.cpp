#include "actors/engine/cgroup.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

using blindsight::actors::own_cgroups;
namespace fs = std::filesystem;

TEST_CASE("a process's control groups are its own and all above, whatever other hierarchies there are") {
  const blindsight::tests::TemporaryFolder folder;
  const fs::path proc = folder.path() / "proc", root = folder.path() / "cgroup";
  CHECK(own_cgroups(proc, root) == std::vector<fs::path>{root / ""});
  fs::create_directories(proc / "self");
  std::ofstream(proc / "self/cgroup") << "4:memory:/old\n0::/outer/inner\n";
  CHECK(own_cgroups(proc, root) == std::vector<fs::path>{root / "outer/inner", root / "outer", root / ""});
  // Inside a container its own group is the root.
  std::ofstream(proc / "self/cgroup") << "0::/\n";
  CHECK(own_cgroups(proc, root) == std::vector<fs::path>{root / ""});
}
