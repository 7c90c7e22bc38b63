#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "wire/envelope.h"

using namespace blindsight;

namespace {

using Names = std::vector<std::string>;

/// The names of the kinds in the table of messages of a page: the first cells of the rows below the head "kind", in
/// their order.
Names kinds_in(const std::string& page) {
  Names names;
  std::istringstream in(page);
  bool in_table = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("| kind |")) {
      in_table = true;
    } else if (!line.starts_with('|')) {
      in_table = false;
    } else if (in_table && line.starts_with("| `")) {
      names.push_back(line.substr(3, line.find('`', 3) - 3));
    }
  }
  return names;
}

/// As the source spells them; the wire's names have hyphens.
Names kinds_of_the_wire() {
  Names names;
  for (std::uint16_t kind = 0; kind <= static_cast<std::uint16_t>(wire::Kind::last); ++kind) {
    names.emplace_back(wire::name(static_cast<wire::Kind>(kind)));
    std::ranges::replace(names.back(), '-', '_');
  }
  return names;
}

}  // namespace

TEST_CASE("the table of messages has every kind of message once, and nothing else") {
  std::ifstream in("docs/ARCHITECTURE.md");
  REQUIRE(in);
  std::ostringstream page;
  page << in.rdbuf();
  auto told = kinds_in(page.str()), known = kinds_of_the_wire();
  std::ranges::sort(told);
  std::ranges::sort(known);
  Names missing, unknown;
  std::ranges::set_difference(known, told, std::back_inserter(missing));
  std::ranges::set_difference(told, known, std::back_inserter(unknown));
  for (const auto& name : missing) FAIL_CHECK("docs/ARCHITECTURE.md does not say who may send " << name);
  for (const auto& name : unknown) FAIL_CHECK("docs/ARCHITECTURE.md has a row for " << name << ", which is no kind");
}

TEST_CASE("canary: a row is read by its first cell, and only in the table of kinds") {
  CHECK(kinds_in("| kind | from |\n|---|---|\n| `hello` | `status` |\n| `plan` | x |\n\n| `fault` | y |\n") ==
        Names{"hello", "plan"});
  CHECK(kinds_in("| other | from |\n|---|---|\n| `hello` | x |\n").empty());
}
