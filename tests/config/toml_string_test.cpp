#include "config/toml_string.h"

#include <doctest/doctest.h>

#include "tests/config/support/party_file.h"

using namespace blindsight::config;
using namespace blindsight::tests;

TEST_CASE("a text is read from a configuration as it was written into it, and stays in its line") {
  std::string every;
  for (char c = 1; c < 0x7f; ++c) every += c;
  every += "\x7fgröße";
  for (const std::string& text : {every, std::string("plain"), std::string("\\u0041"), std::string("a\"\nkey = 1")}) {
    const auto written = toml_string(text);
    CHECK(written.find('\n') == std::string::npos);
    const auto read = parse_party(replaced(good, "\"run/server1.key\"", written), "party.toml");
    REQUIRE(read);
    CHECK(read->key == text);
  }
}
