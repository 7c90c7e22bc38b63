#include "actors/engine/memory.h"

#include <doctest/doctest.h>

#include <fstream>
#include <limits>

#include "tests/actors/support/three_parties.h"
#include "tests/support/locked_memory.h"
#include "tests/support/sanitized.h"

using namespace blindsight;
using namespace blindsight::actors;

namespace {

constexpr std::uint64_t mib = 1 << 20;

void write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

/// 100 MiB at rest, 200 a pack, 50 a query.
MemoryEstimate some_estimate() {
  return {.process = 10 * mib,
          .deployment = 60 * mib,
          .set_up = 20 * mib,
          .per_pack = 200 * mib,
          .per_query = 50 * mib,
          .working = 20 * mib,
          .links = 10 * mib};
}

config::PartyConfig with(std::uint32_t depth, std::uint32_t memory_limit_mb, std::uint32_t queries) {
  config::PartyConfig c;
  c.preprocessing = {depth, memory_limit_mb};
  c.limits.max_queries = queries;
  return c;
}

}  // namespace

TEST_CASE("the memory of this process is the machine's, or that of the tightest cgroup above it") {
  const test::TemporaryFolder folder;
  const auto proc = folder.path() / "proc", groups = folder.path() / "cgroup";
  CHECK(memory_for_this_process(proc, groups) == std::numeric_limits<std::uint64_t>::max());
  write(proc / "meminfo", "MemTotal: 9000 kB\nMemFree:  1 kB\nMemAvailable:    5000 kB\n");
  CHECK(memory_for_this_process(proc, groups) == 5000 * 1024);
  write(proc / "self/status", "Name:\tx\nVmHWM:\t 700 kB\nVmRSS:\t 300 kB\n");
  CHECK(memory_for_this_process(proc, groups) == 5300 * 1024);
  write(proc / "self/cgroup", "4:memory:/old\n0::/outer/inner\n");
  write(groups / "outer/inner/memory.max", "max\n");
  CHECK(memory_for_this_process(proc, groups) == 5300 * 1024);
  write(groups / "outer/memory.max", "2097152\n");
  CHECK(memory_for_this_process(proc, groups) == 2 * mib);
  write(groups / "outer/inner/memory.max", "1048576\n");
  CHECK(memory_for_this_process(proc, groups) == mib);
  // Inside a container its own group is the root.
  write(proc / "self/cgroup", "0::/\n");
  write(groups / "memory.max", "524288\n");
  CHECK(memory_for_this_process(proc, groups) == mib / 2);
}

TEST_CASE("what does not fit with one pack is refused with numbers, where only the depth is too much, it is lowered") {
  const auto e = some_estimate();
  CHECK(e.peak(0, 0) == 100 * mib);
  CHECK(e.peak(2, 1) == 550 * mib);

  const auto refused = budget_packs(with(2, 4096, 8), e, 349 * mib);
  REQUIRE_FALSE(refused);
  for (const char* word : {"server0", "350 MiB", "349 MiB", "200 MiB", "memory.max"})
    CHECK(refused.error().what.find(word) != std::string::npos);
  const auto by_key = budget_packs(with(2, 199, 8), e, 4096 * mib);
  REQUIRE_FALSE(by_key);
  CHECK(by_key.error().fault == protocol::Fault::usage);
  CHECK(by_key.error().what.find("preprocessing.memory_limit_mb") != std::string::npos);

  const auto one = budget_packs(with(2, 4096, 8), e, 350 * mib);
  REQUIRE(one);
  CHECK(one->depth == 1);
  CHECK(one->at_most == 1);
  CHECK(one->warning.find("preprocessing.depth") != std::string::npos);
  const auto two_by_key = budget_packs(with(3, 599, 8), e, 4096 * mib);
  REQUIRE(two_by_key);
  CHECK(two_by_key->depth == 2);

  // Queries at once may need more packs than lie ready.
  const auto all = budget_packs(with(2, 4096, 8), e, 4096 * mib);
  REQUIRE(all);
  CHECK(all->depth == 2);
  CHECK(all->at_most == 8);
  CHECK(all->warning.empty());
  const auto some = budget_packs(with(2, 4096, 8), e, (100 + 3 * 250) * mib);
  REQUIRE(some);
  CHECK(some->at_most == 3);
}

TEST_CASE("packs in use and in preparation count: no more are wanted than the budget leaves") {
  PackBudget budget{2, 3, false, {}};
  CHECK(packs_to_want(budget, 0, 0) == 2);
  CHECK(packs_to_want(budget, 1, 0) == 0);
  CHECK(packs_to_want(budget, 0, 8) == 3);
  CHECK(packs_to_want(budget, 1, 8) == 2);
  CHECK(packs_to_want(budget, 3, 8) == 0);
  CHECK(packs_to_want(budget, 4, 8) == 0);
  budget.while_serving = true;
  CHECK(packs_to_want(budget, 1, 0) == 2);
  CHECK(packs_to_want(budget, 2, 0) == 1);
}

TEST_CASE("a party that may not lock the keys of its packs in memory is told so, with how much it needs") {
  if (tests::sanitized) return;
  const auto unlocked_with = [](std::uint32_t depth) {
    std::optional<Unlocked> unlocked;
    tests::without_locked_memory([&] { unlocked = unlocked_keys(with(depth, 1, 1)); });
    return unlocked;
  };
  const auto few = unlocked_with(4), many = unlocked_with(4000);
  REQUIRE(few);
  REQUIRE(many);
  CHECK(test::contains(few->why, "server0 may not lock"));
  CHECK(test::contains(few->advice, "ulimit -l"));
  CHECK(few->why != many->why);
  CHECK_FALSE(unlocked_keys(with(4, 1, 1)));
}
