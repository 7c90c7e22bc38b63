#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  std::istringstream in(text);
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string read(const char* path) {
  std::ifstream in(path);
  REQUIRE_MESSAGE(in, path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The lines between the two marks of a source; none when it lacks one of them.
std::optional<Lines> marked(const Lines& source) {
  const auto has = [](std::string_view mark) {
    return [mark](const std::string& line) { return line.find(mark) != std::string::npos; };
  };
  const auto begin = std::ranges::find_if(source, has("// [quoted in README.md: from here ..."));
  const auto end = std::find_if(begin, source.end(), has("// ... to here]"));
  if (end == source.end()) return std::nullopt;
  return Lines(std::next(begin), end);
}

/// Why a page does not quote a source; empty when one of its blocks of C++ is what stands between the source's marks.
std::string quotation_fault(const std::string& page, const std::string& source) {
  const auto wanted = marked(lines_of(source));
  if (!wanted || wanted->empty()) return "the source has no marked lines";
  const auto lines = lines_of(page);
  std::string fault = "the page has no block of C++";
  for (auto at = lines.begin(); (at = std::find(at, lines.end(), "```cpp")) != lines.end();) {
    const auto end = std::find(++at, lines.end(), "```");
    const auto [mine, theirs] = std::mismatch(at, end, wanted->begin(), wanted->end());
    if (mine == end && theirs == wanted->end()) return {};
    fault = "the page has: " + (mine == end ? "nothing more" : *mine) +
            "; the source has: " + (theirs == wanted->end() ? "nothing more" : *theirs);
    at = end;
  }
  return fault;
}

}  // namespace

TEST_CASE("README.md quotes the example as it is compiled") {
  const auto fault = quotation_fault(read("README.md"), read("examples/predict.cpp"));
  CHECK_MESSAGE(fault.empty(), fault);
}

TEST_CASE("canary: a quotation that differs is found") {
  const std::string source = "a\n  // [quoted in README.md: from here ...\n  b;\n  c;\n  // ... to here]\nd\n";
  CHECK(quotation_fault("text\n```sh\nx\n```\n```cpp\n  b;\n  c;\n```\n", source).empty());
  CHECK(quotation_fault("```cpp\nother\n```\nand\n```cpp\n  b;\n  c;\n```\n", source).empty());
  CHECK(quotation_fault("```cpp\n  b;\n  x;\n```\n", source) == "the page has:   x;; the source has:   c;");
  CHECK(quotation_fault("```cpp\n  b;\n```\n", source) == "the page has: nothing more; the source has:   c;");
  CHECK(quotation_fault("```cpp\n  b;\n  c;\nd\n```\n", source) == "the page has: d; the source has: nothing more");
  CHECK(quotation_fault("b;\nc;\n", source) == "the page has no block of C++");
  CHECK(quotation_fault("```cpp\n```\n", "a\n") == "the source has no marked lines");
  CHECK(quotation_fault("```cpp\n```\n", "// [quoted in README.md: from here ...\n") ==
        "the source has no marked lines");
}
