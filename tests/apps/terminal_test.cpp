#include "apps/terminal.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

using namespace blindsight::apps;

namespace {

std::string printed(const Table& table, std::string_view indent = "") {
  std::ostringstream out;
  table.print(out, indent);
  return out.str();
}

}  // namespace

TEST_CASE("columns are as wide as their widest cell, in characters, and end without spaces") {
  Table table({{"name", Table::Align::left}, {"n"}, {"", Table::Align::left}});
  table.row({"ä", "1", "x"});
  table.row({"longer", "1000", ""});
  CHECK(printed(table) ==
        "name       n\n"
        "ä          1  x\n"
        "longer  1000\n");
  CHECK(printed(table, "> ").starts_with("> name"));
}

TEST_CASE("a rule goes across the table, and heads that are all empty are left out") {
  Table table({{""}, {""}});
  table.row({"1", "22"});
  table.rule();
  table.row({"333"});
  CHECK(printed(table) ==
        "  1  22\n"
        "-------\n"
        "333\n");
}

TEST_CASE("a name in a cell is short and can be shown") {
  CHECK(in_cell("conv1") == "conv1");
  CHECK(in_cell("evil\x1b[2J").find('\x1b') == std::string::npos);
  CHECK(in_cell(std::string(1000, 'x')).size() < 100);
}

TEST_CASE("where there is no terminal a progress bar prints nothing") {
  ::setenv("TERM", "dumb", 1);
  std::ostringstream said;
  auto* before = std::cerr.rdbuf(said.rdbuf());
  {
    ProgressBar bar("layers");
    bar.show(1, 2);
    bar.callback()(2, 2);
    bar.clear();
  }
  std::cerr.rdbuf(before);
  CHECK(said.str().empty());
}
