#include <doctest/doctest.h>

#include <algorithm>

#include "tests/apps/support/three_processes.h"
#include "tests/support/locked_memory.h"
#include "tests/support/sanitized.h"

using namespace blindsight::tests;

namespace {

Outcome doctor(const std::filesystem::path& config) {
  return run({"doctor", "--config", config.string()});
}

/// The rows of the doctor's table of a verdict: "ok", "warn" or "FAIL".
std::vector<std::string> rows(const Outcome& outcome, const std::string& verdict) {
  std::vector<std::string> found;
  for (std::size_t begin = 0; begin < outcome.out.size();) {
    const auto end = std::min(outcome.out.find('\n', begin), outcome.out.size());
    if (outcome.out.compare(begin, verdict.size() + 1, verdict + ' ') == 0)
      found.push_back(outcome.out.substr(begin, end - begin));
    begin = end + 1;
  }
  return found;
}

bool has(const std::vector<std::string>& rows, const std::string& part) {
  return std::ranges::any_of(rows, [&](const auto& row) { return row.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("the doctor names every party that is not there, and is content when all three serve") {
  ThreeProcesses parties;
  const auto before = doctor(parties.client_config());
  CHECK(before.status == 1);
  const auto failed = rows(before, "FAIL");
  CHECK(failed.size() == 3);
  for (const char* name : ThreeProcesses::names) CHECK(has(failed, std::string(name) + ": reachable"));

  parties.start_all();
  parties.deploy_digits();
  const auto content = [](const std::filesystem::path& file) {
    const auto after = doctor(file);
    CAPTURE(after.out);
    CHECK(after.status == 0);
    CHECK(rows(after, "FAIL").empty());
    CHECK(has(rows(after, "ok"), "serving"));
    return rows(after, "ok");
  };
  const auto of_client = content(parties.client_config());
  for (const char* name : ThreeProcesses::names) CHECK(has(of_client, std::string(name) + ": session"));
  // An operator is told of his own party, and whether those that it dials take its key.
  CHECK(has(content(parties.config(0)), "server0: session"));
  const auto of_producer = content(parties.config(2));
  CHECK(has(of_producer, "crypto_producer: session"));
  CHECK(has(of_producer, "link to server0"));
  CHECK(has(of_producer, "link to server1"));
}

TEST_CASE("the doctor looks at the data folder of a party: others may list it, or it is none") {
  ThreeProcesses parties;
  CHECK(has(rows(doctor(parties.config(1)), "ok"), "data folder"));
  const auto data = parties.folder() / "server1";
  std::filesystem::create_directory(data);
  std::filesystem::permissions(data, std::filesystem::perms::all);
  CHECK(has(rows(doctor(parties.config(1)), "warn"), "data folder"));
  std::filesystem::remove(data);
  write_text(data, "a file");
  CHECK(has(rows(doctor(parties.config(1)), "FAIL"), "data folder"));
}

TEST_CASE("the doctor tells an operator whether the keys of packs can be locked in memory") {
  if (sanitized) return;
  ThreeProcesses parties;
  CHECK(has(rows(doctor(parties.config(0)), "ok"), "locked memory"));
  std::vector<std::string> warned;
  without_locked_memory([&] { warned = rows(doctor(parties.config(0)), "warn"); });
  CHECK(has(warned, "locked memory"));
  CHECK(has(warned, "LimitMEMLOCK"));
}

TEST_CASE("a file that cannot be used is the caller's to mend") {
  const TemporaryFolder folder;
  CHECK(doctor(folder / "gone.toml").status == 2);
  write_text(folder / "party.toml", "role = \"server0\"\n");
  const auto party = doctor(folder / "party.toml");
  CHECK(party.status == 2);
  // It was read as a party's file.
  CHECK(party.err.find("listen") != std::string::npos);
}
