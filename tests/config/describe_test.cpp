#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

using namespace blindsight::config;

namespace {

KeyDescription described(std::string_view key) {
  const auto all = party_keys();
  const auto found = std::ranges::find(all, key, &KeyDescription::key);
  REQUIRE(found != all.end());
  return *found;
}

}  // namespace

TEST_CASE("every key is described, with unit, bounds and default") {
  for (const auto& [all, text] :
       {std::pair{party_keys(), describe_party()}, std::pair{client_keys(), describe_client()}}) {
    REQUIRE(all.size() >= 8);
    for (const auto& key : all) {
      CAPTURE(key.key);
      CHECK(text.find(key.key + '\n') != std::string::npos);
      CHECK(key.description.size() > 15);
      CHECK(key.description.ends_with('.'));
      CHECK_FALSE(key.type.empty());
      CHECK_FALSE(key.default_value.empty());
      if (key.type == "integer") {
        CHECK_FALSE(key.unit.empty());
        const auto to = key.bounds.find(" to ");
        REQUIRE(to != std::string::npos);
        const auto value = std::stoul(key.default_value);
        CHECK(value >= std::stoul(key.bounds.substr(0, to)));
        CHECK(value <= std::stoul(key.bounds.substr(to + 4)));
      }
    }
  }
}

TEST_CASE("each type of key is described in the words of a file") {
  const auto check = [](std::string_view key, std::string_view type, std::string_view bounds, std::string_view value) {
    const auto d = described(key);
    CAPTURE(key);
    CHECK(d.type == type);
    CHECK(d.bounds == bounds);
    CHECK(d.default_value == value);
  };
  check("role", "string", "server0, server1, crypto_producer", "required");
  check("triples", "string", "reused, fresh", "\"reused\"");
  check("listen.clients", "\"host:port\"", "", "required");
  check("listen.parties", "\"host:port\"", "", "\"\"");
  check("pins.server0", "list of pins", "", "[]");
  check("clients.NAME.deploy", "list of strings", "", "[]");
  check("clients.NAME.predict", "true or false", "", "false");
  check("peers.server1", "\"host:port\"", "", "\"\"");
  check("priorities.enabled", "true or false", "", "true");
  check("log.file", "path", "", "\"\"");
  check("preprocessing.depth", "integer", "0 to 64", "2");
  CHECK(described("preprocessing.depth").unit == "packs");
}

TEST_CASE("a key is told in lines that fit a terminal, and no word is lost") {
  const std::string text = describe_party();
  CHECK(text.find("preprocessing.depth\n    integer in packs; 0 to 64; default 2\n    Packs of") != std::string::npos);
  CHECK(text.find("listen.clients\n    \"host:port\"; required\n") != std::string::npos);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 96);
  const auto words = [](const std::string& sentence) {
    std::istringstream in(sentence);
    return std::vector<std::string>(std::istream_iterator<std::string>(in), {});
  };
  const auto told = words(text);
  for (const auto& key : party_keys()) {
    CAPTURE(key.key);
    const auto wanted = words(key.description);
    CHECK(std::search(told.begin(), told.end(), wanted.begin(), wanted.end()) != told.end());
  }
}
