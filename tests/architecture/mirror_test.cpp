#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace fs = std::filesystem;

namespace {

/// Folders each of whose sources has a test of its own.
constexpr std::array mirrored = {"wire", "net", "client", "actors", "apps"};

/// Sources below these folders of a tree without a test at the same place below tests/.
std::vector<std::string> without_test(const fs::path& root) {
  std::vector<std::string> missing;
  for (const char* folder : mirrored) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".cpp") continue;
      const auto source = entry.path().lexically_relative(root);
      const auto test = root / "tests" / source.parent_path() / (source.stem().string() + "_test.cpp");
      if (!fs::exists(test)) missing.push_back(source.generic_string());
    }
  }
  std::ranges::sort(missing);
  return missing;
}

void touch(const fs::path& file) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << "";
}

}  // namespace

TEST_CASE("each source of the upper floors has its test, at the same place below tests") {
  for (const auto& source : without_test(".")) FAIL_CHECK(source << " has no test of its own");
}

TEST_CASE("canary: a source without a test is found") {
  const blindsight::tests::TemporaryFolder root;
  for (const char* file : {"wire/a.cpp", "wire/a.h", "actors/link/b.cpp", "actors/c.cpp", "tests/wire/a_test.cpp",
                           "tests/actors/b_test.cpp", "tests/actors/c_test.cpp"})
    touch(root / file);
  CHECK(without_test(root.path()) == std::vector<std::string>{"actors/link/b.cpp"});
}
