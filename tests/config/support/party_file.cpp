#include "tests/config/support/party_file.h"

#include <doctest/doctest.h>

namespace blindsight::tests {

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::vector<config::Problem> problems_of(const std::string& text) {
  const auto loaded = config::parse_party(text, "party.toml");
  return loaded ? std::vector<config::Problem>{} : loaded.error().list;
}

void check_one(const std::string& text, std::size_t line, std::initializer_list<std::string_view> words) {
  CAPTURE(text);
  const auto problems = problems_of(text);
  REQUIRE(problems.size() == 1);
  CAPTURE(problems[0].what);
  CHECK(problems[0].line == line);
  for (auto word : words) {
    CAPTURE(word);
    CHECK(problems[0].what.find(word) != std::string::npos);
  }
}

}  // namespace blindsight::tests
