#include "apps/secrets.h"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/apps/support/forked.h"

using namespace blindsight;

TEST_CASE("a crash writes no memory to a file, and cannot be allowed to again") {
  CHECK(tests::in_a_process_of_its_own([] {
    apps::forbid_core_dumps();
    rlimit limit{};
    return ::getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0;
  }));
}

#ifndef __SANITIZE_ADDRESS__
TEST_CASE("other processes of the user cannot read this one's memory") {
  CHECK(::prctl(PR_GET_DUMPABLE) == 1);
  CHECK(tests::in_a_process_of_its_own([] {
    apps::forbid_core_dumps();
    return ::prctl(PR_GET_DUMPABLE) == 0;
  }));
}
#endif
