#include <doctest/doctest.h>
#include <sys/stat.h>

#include "net/key_file.h"
#include "tests/apps/support/program.h"

using namespace blindsight;
using namespace blindsight::tests;

namespace {

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string pin_of(const std::filesystem::path& file) {
  const auto read = net::load_key(file);
  REQUIRE(read);
  return config::pin_text(read->fingerprint());
}

}  // namespace

TEST_CASE("key new writes a key that is its owner's alone and good for two years, and prints its pin") {
  const TemporaryFolder folder;
  const auto file = folder / "server0-2028.key";
  const auto made = run({"key", "new", file.string()});
  CHECK(made.status == 0);
  CHECK(made.err.empty());
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK(first_line(made.out) == "pins = \"" + pin_of(file) + '"');
  const auto left = net::load_key(file)->not_after() - std::chrono::system_clock::now();
  CHECK(left > std::chrono::hours(24 * 729));
  CHECK(left < std::chrono::hours(24 * 732));
  // Nothing of the secret half.
  CHECK(made.out.find("PRIVATE") == std::string::npos);

  CHECK(run({"key", "show", file.string()}).out == made.out);
}

TEST_CASE("key new keeps a file that is there") {
  const TemporaryFolder folder;
  const auto file = (folder / "a.key").string();
  REQUIRE(run({"key", "new", file}).status == 0);
  const auto before = read_text(file);
  const auto again = run({"key", "new", file});
  CHECK(again.status == 2);
  CHECK(again.out.empty());
  CHECK(again.err.find(file) != std::string::npos);
  CHECK(read_text(file) == before);
  CHECK(run({"key", "new", (folder / "no/such/folder.key").string()}).status == 2);
}

TEST_CASE("key show prints the line that others need, also from a file that is not complete yet") {
  const TemporaryFolder folder;
  const auto key = folder / "a.key";
  REQUIRE(run({"key", "new", key.string()}).status == 0);
  const auto line = "key = \"" + key.string() + "\"\n";
  for (const std::string role : {"server0", "server1", "crypto_producer"}) {
    const auto file = folder / (role + ".toml");
    write_text(file, "role = \"" + role + "\"\n" + line);
    const auto shown = run({"key", "show", file.string()});
    CHECK(shown.status == 0);
    CHECK(first_line(shown.out) == "pins." + role + " = \"" + pin_of(key) + '"');
  }
  write_text(folder / "client.toml", line);
  CHECK(first_line(run({"key", "show", (folder / "client.toml").string()}).out) ==
        "clients.a.pins = [\"" + pin_of(key) + "\"]");
}

TEST_CASE("key show refuses what is no key, with 2 and its name") {
  const TemporaryFolder folder;
  const auto check = [](const std::filesystem::path& file, const std::string& named) {
    const auto shown = run({"key", "show", file.string()});
    CHECK(shown.status == 2);
    CHECK(shown.out.empty());
    CHECK(shown.err.find(named) != std::string::npos);
  };
  check(folder / "none.key", "none.key");
  check(folder / "none.toml", "none.toml");
  write_text(folder / "empty.key", "");
  REQUIRE(::chmod((folder / "empty.key").c_str(), 0600) == 0);
  check(folder / "empty.key", "empty.key");
  write_text(folder / "keyless.toml", "role = \"server0\"\n");
  check(folder / "keyless.toml", "keyless.toml");
  write_text(folder / "elsewhere.toml", "key = \"" + (folder / "gone.key").string() + "\"\n");
  check(folder / "elsewhere.toml", "gone.key");
}
