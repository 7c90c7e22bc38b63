#include "model/files/files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
  const auto bytes = file_bytes(file);
  return {bytes.begin(), bytes.end()};
}

unsigned rights_of(const fs::path& file) {
  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

std::ptrdiff_t files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

}  // namespace

TEST_CASE("a file is replaced whole, with the rights asked for, and nothing is left beside it") {
  const TemporaryFolder folder;
  std::ofstream(folder / "a") << "older and longer";
  std::ofstream(folder / "a.part") << "somebody's";
  REQUIRE(write_file(folder / "a", "plan", "new", secret_mode).has_value());
  CHECK(text_of(folder / "a") == "new");
  CHECK(rights_of(folder / "a") == 0600);
  CHECK(text_of(folder / "a.part") == "somebody's");
  REQUIRE(write_file(folder / "a", "plan", "newer", public_mode).has_value());
  CHECK(rights_of(folder / "a") == 0644);
  CHECK(files_in(folder.path()) == 2);
  const auto back = read_file(folder / "a", "plan", 5);
  REQUIRE(back.has_value());
  CHECK(std::string(back->begin(), back->end()) == "newer");
}

TEST_CASE("a hard link to the file keeps what it had") {
  const TemporaryFolder folder;
  std::ofstream(folder / "a") << "old";
  fs::create_hard_link(folder / "a", folder / "b");
  REQUIRE(write_file(folder / "b", "plan", "new", public_mode).has_value());
  CHECK(text_of(folder / "a") == "old");
  CHECK(text_of(folder / "b") == "new");
}

TEST_CASE("what cannot or must not be written is refused with its name, before and in the act") {
  const TemporaryFolder folder;
  std::ofstream(folder / "target") << "kept";
  fs::create_symlink(folder / "target", folder / "link");
  fs::create_symlink(folder / "nothing", folder / "dangling");
  fs::create_directory(folder / "sub");
  for (const auto& [name, word] : {std::pair{"link", "symbolic link"},
                                   {"dangling", "symbolic link"},
                                   {"sub", "folder"},
                                   {"none/file", "no folder"},
                                   {"", "names no file"}}) {
    CAPTURE(name);
    for (const auto& result :
         {check_writable(folder / name, "weights"), write_file(folder / name, "weights", "x", secret_mode)}) {
      REQUIRE_FALSE(result.has_value());
      CHECK(result.error().what.find(word) != std::string::npos);
      CHECK(result.error().what.find("cannot write the weights '") != std::string::npos);
    }
  }
  CHECK(text_of(folder / "target") == "kept");
  CHECK_FALSE(fs::exists(folder / "nothing"));
  CHECK(check_writable(folder / "new", "plan").has_value());
  CHECK_FALSE(fs::exists(folder / "new"));
}

TEST_CASE("a device is written to and stays one, a full one is told") {
  REQUIRE(write_file("/dev/null", "result", "x", public_mode).has_value());
  CHECK(fs::is_character_file("/dev/null"));
  CHECK_FALSE(write_file("/dev/full", "result", "x", public_mode).has_value());
}

TEST_CASE("reading is bounded and names the file") {
  const TemporaryFolder folder;
  std::ofstream(folder / "a") << "12345";
  for (const auto& [name, most, word] : {std::tuple{"a", 4, "at most 4"}, {"none", 9, "No such file"}}) {
    const auto result = read_file(folder / name, "plan", static_cast<std::uintmax_t>(most));
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().what.find(word) != std::string::npos);
    CHECK(result.error().what.find(name) != std::string::npos);
  }
}

TEST_CASE("a public file is as public as the umask lets it be, a secret one never is") {
  const TemporaryFolder folder;
  const auto before = ::umask(027);
  const auto shown = write_file(folder / "public", "plan", "x", public_mode);
  const auto hidden = write_file(folder / "secret", "weights", "x", secret_mode);
  ::umask(before);
  REQUIRE(shown.has_value());
  REQUIRE(hidden.has_value());
  CHECK(rights_of(folder / "public") == 0640);
  CHECK(rights_of(folder / "secret") == 0600);
}

TEST_CASE("the start of a file is read, however long it is, a folder and a pipe are refused at once") {
  const TemporaryFolder folder;
  std::ofstream(folder / "a") << "12345";
  CHECK(read_start(folder / "a", "image", 3)->size() == 3);
  CHECK(read_start(folder / "a", "image", 9)->size() == 5);
  ::mkfifo((folder / "pipe").c_str(), 0600);
  for (const auto& [path, word] :
       {std::pair{folder / "pipe", "no ordinary file"}, {folder.path(), "no ordinary file"}}) {
    const auto result = read_start(path, "image", 3);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().what.find(word) != std::string::npos);
  }
}

TEST_CASE("a set of files takes its places together, or leaves what was there") {
  const TemporaryFolder folder;
  std::ofstream(folder / "weights") << "old";
  {
    FileSet files;
    REQUIRE(files.add(folder / "weights", "weights", "new", secret_mode).has_value());
    CHECK_FALSE(files.add(folder / "none" / "plan", "plan", "new", public_mode).has_value());
    CHECK(text_of(folder / "weights") == "old");
  }
  CHECK(text_of(folder / "weights") == "old");
  CHECK(files_in(folder.path()) == 1);
  FileSet files;
  REQUIRE(files.add(folder / "weights", "weights", "new", secret_mode).has_value());
  REQUIRE(files.add(folder / "plan", "plan", "its plan", public_mode).has_value());
  CHECK_FALSE(fs::exists(folder / "plan"));
  REQUIRE(files.commit().has_value());
  CHECK(text_of(folder / "weights") == "new");
  CHECK(text_of(folder / "plan") == "its plan");
  CHECK(rights_of(folder / "weights") == 0600);
  CHECK(files_in(folder.path()) == 2);
  const auto device = files.add("/dev/null", "weights", "x", secret_mode);
  REQUIRE_FALSE(device.has_value());
  CHECK(device.error().what.find("device") != std::string::npos);
}

TEST_CASE("where one of a set cannot take its place, those behind it do not, and nothing is left beside") {
  const TemporaryFolder folder;
  FileSet files;
  REQUIRE(files.add(folder / "weights", "weights", "new", secret_mode).has_value());
  REQUIRE(files.add(folder / "plan", "plan", "new", public_mode).has_value());
  fs::create_directories(folder / "weights" / "in the way");
  CHECK_FALSE(files.commit().has_value());
  CHECK_FALSE(fs::exists(folder / "plan"));
  REQUIRE(files.commit().has_value());
  CHECK(text_of(folder / "plan") == "new");
  CHECK(files_in(folder.path()) == 2);
}
