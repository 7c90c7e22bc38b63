#include "actors/engine/cores.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <algorithm>
#include <fstream>

#include "tests/support/temporary_folder.h"

using namespace blindsight;
using actors::usable_cores;

namespace {

unsigned pinned_to() {
  cpu_set_t set;
  REQUIRE(::sched_getaffinity(0, sizeof set, &set) == 0);
  return static_cast<unsigned>(CPU_COUNT(&set));
}

/// For as long as it lives, this thread may run on one core only.
class OneCore {
 public:
  OneCore() {
    REQUIRE(::sched_getaffinity(0, sizeof before_, &before_) == 0);
    int first = 0;
    while (!CPU_ISSET(first, &before_)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
  }
  ~OneCore() { ::sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

void write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

}  // namespace

TEST_CASE("the cores of a process are those that it is pinned to") {
  const tests::TemporaryFolder nothing;
  CHECK(usable_cores(nothing.path(), nothing.path()) == pinned_to());
  const OneCore one;
  CHECK(usable_cores(nothing.path(), nothing.path()) == 1);
}

TEST_CASE("the cores of a process are no more than the tightest quota above it, rounded up") {
  const tests::TemporaryFolder folder;
  const auto proc = folder.path() / "proc", groups = folder.path() / "cgroup";
  const unsigned cores = pinned_to();
  write(proc / "self/cgroup", "0::/outer/inner\n");
  write(groups / "outer/inner/cpu.max", "max 100000\n");
  CHECK(usable_cores(proc, groups) == cores);
  write(groups / "outer/cpu.max", "99900000 100000\n");
  CHECK(usable_cores(proc, groups) == std::min(cores, 999u));
  write(groups / "outer/cpu.max", "50000 100000\n");
  CHECK(usable_cores(proc, groups) == 1);
  write(groups / "outer/inner/cpu.max", "150000 100000\n");
  CHECK(usable_cores(proc, groups) == 1);
  write(groups / "outer/cpu.max", "max 100000\n");
  CHECK(usable_cores(proc, groups) == std::min(cores, 2u));
  write(groups / "outer/inner/cpu.max", "nonsense\n");
  CHECK(usable_cores(proc, groups) == cores);
}

TEST_CASE("threads are as many as configured, or one for each core") {
  CHECK(actors::or_cores(7) == 7);
  CHECK(actors::or_cores(0) == usable_cores());
}
