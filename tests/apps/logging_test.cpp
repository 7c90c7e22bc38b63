#include "apps/logging.h"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "tests/apps/support/program.h"

using namespace blindsight;
using namespace blindsight::tests;

TEST_CASE("a line of the log is one line, whatever a stranger's text in it says") {
  const TemporaryFolder folder;
  config::PartyConfig::Log log;
  log.file = folder / "party.log";
  log.level = "info";
  apps::start_logging(log);
  spdlog::info("hello from {}", "läsion\r\n2026-11-26T00:00:00.000Z info server0: all is well\x1b[2J");
  spdlog::info("{}", std::string(100'000, 'x'));
  apps::start_logging_for_clients();  // closes the file
  const auto text = read_text(folder / "party.log");
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find("info hello from läsion??2026-11-26T00:00:00.000Z info server0: all is well?[2J\n") !=
        std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.size() < 3000);
}

TEST_CASE("a log that was moved away goes on in a new file, at the level that now holds") {
  const TemporaryFolder folder;
  config::PartyConfig::Log log;
  log.file = folder / "party.log";
  log.level = "info";
  apps::start_logging(log);
  spdlog::info("first");
  std::filesystem::rename(folder / "party.log", folder / "party.log.1");
  spdlog::info("second");
  log.level = "warn";
  REQUIRE(apps::reopen_log(log));
  spdlog::info("nobody reads this");
  spdlog::warn("third\nline");
  // What cannot be opened changes nothing.
  auto wrong = log;
  wrong.file = folder / "party.log" / "below a file";
  const auto refused = apps::reopen_log(wrong);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == protocol::Fault::usage);
  spdlog::warn("fourth");
  apps::start_logging_for_clients();
  const auto old = read_text(folder / "party.log.1"), now = read_text(folder / "party.log");
  CHECK(old.find("info first\n") != std::string::npos);
  CHECK(old.find("info second\n") != std::string::npos);
  CHECK(std::count(old.begin(), old.end(), '\n') == 2);
  CHECK(now.find("Z warning third?line\n") != std::string::npos);
  CHECK(now.find("Z warning fourth\n") != std::string::npos);
  CHECK(std::count(now.begin(), now.end(), '\n') == 2);
}
