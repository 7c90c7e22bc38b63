#include "net/key_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/support/temporary_folder.h"

using namespace blindsight;
using protocol::Fault;
using tests::TemporaryFolder;
using wire::Credentials;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const auto now = std::chrono::system_clock::now();

Credentials some_key(std::chrono::hours lifetime = 24h) {
  return Credentials::generate("server0", now, lifetime);
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Whoever has it is a party: the file is refused, the caller can mend it, and the file is named.
void check_refused(const fs::path& file, const std::string& what) {
  const auto read = net::load_key(file);
  REQUIRE_FALSE(read);
  CHECK(read.error().fault == Fault::usage);
  CHECK(read.error().what.find(file.string()) != std::string::npos);
  CHECK(read.error().what.find(what) != std::string::npos);
}

}  // namespace

TEST_CASE("a key file is read back as it was written, and is its owner's alone") {
  const TemporaryFolder folder;
  const auto file = folder / "server0.key";
  const auto made = some_key();
  REQUIRE(net::write_new_key(file, made));
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  const auto read = net::load_key(file);
  REQUIRE(read);
  CHECK(read->fingerprint() == made.fingerprint());
  CHECK(read->to_pem() == made.to_pem());
}

TEST_CASE("an expired key is read: whoever uses it says so") {
  const TemporaryFolder folder;
  const auto old = some_key(-1h);
  REQUIRE(net::write_new_key(folder / "old.key", old));
  const auto read = net::load_key(folder / "old.key");
  REQUIRE(read);
  CHECK(read->not_after() < now);
}

TEST_CASE("a new key takes no other file's place") {
  const TemporaryFolder folder;
  const auto file = folder / "a.key";
  SUBCASE("of a key") {
    const auto first = some_key();
    REQUIRE(net::write_new_key(file, first));
    const auto second = net::write_new_key(file, some_key());
    REQUIRE_FALSE(second);
    CHECK(second.error().fault == Fault::usage);
    CHECK(net::load_key(file)->fingerprint() == first.fingerprint());
  }
  SUBCASE("of a link that leads nowhere yet") {
    fs::create_symlink(folder / "elsewhere", file);
    CHECK_FALSE(net::write_new_key(file, some_key()));
    CHECK_FALSE(fs::exists(folder / "elsewhere"));
    CHECK(fs::is_symlink(file));
  }
}

TEST_CASE("a key file that anybody else may read or write is refused, with the command that mends it") {
  const TemporaryFolder folder;
  const auto file = folder / "a.key";
  REQUIRE(net::write_new_key(file, some_key()));
  for (const unsigned mode : {0640U, 0620U, 0604U, 0602U, 0644U, 0777U, 0610U, 0601U}) {
    CAPTURE(mode);
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    check_refused(file, "chmod 600 " + file.string());
  }
  for (const unsigned mode : {0600U, 0400U}) {
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    CHECK(net::load_key(file));
  }
}

TEST_CASE("what is no key file is refused, and nothing of its content is told") {
  const TemporaryFolder folder;
  check_refused(folder / "none.key", "blindsight key new");
  const auto one = folder / "one.key", two = folder / "two.key", wrong = folder / "wrong.key";
  REQUIRE(net::write_new_key(one, some_key()));
  REQUIRE(net::write_new_key(two, some_key()));
  const auto first = text_of(one), second = text_of(two);
  const auto certificate = [](const std::string& pem) { return pem.substr(pem.find("-----BEGIN CERTIFICATE")); };
  const auto key = [](const std::string& pem) { return pem.substr(0, pem.find("-----BEGIN CERTIFICATE")); };
  for (const auto& text :
       {std::string(), std::string("role = \"server0\"\n"), key(first), certificate(first),
        first.substr(0, first.size() - 30), key(first) + certificate(second), std::string(65 * 1024, 'x')}) {
    CAPTURE(text.size());
    std::ofstream(wrong, std::ios::binary) << text;
    REQUIRE(::chmod(wrong.c_str(), 0600) == 0);
    check_refused(wrong, "key file");
    const auto secret = key(first).substr(30, 40);
    CHECK(net::load_key(wrong).error().what.find(secret) == std::string::npos);
  }
  fs::create_directory(folder / "folder.key");
  REQUIRE(::chmod((folder / "folder.key").c_str(), 0700) == 0);
  check_refused(folder / "folder.key", "key file");
}
