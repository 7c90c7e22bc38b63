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
