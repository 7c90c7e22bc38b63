#include <doctest/doctest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "config/config.h"
#include "net/identities.h"
#include "net/key_file.h"
#include "tests/apps/support/links.h"
#include "tests/apps/support/program.h"

using namespace blindsight;
using namespace blindsight::tests;
namespace fs = std::filesystem;

namespace {

constexpr std::array<const char*, 3> names = {"server0", "server1", "crypto_producer"};

/// What a command prints to be sent to others: one line.
std::string line_of(const std::vector<std::string>& command) {
  const auto outcome = run(command);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  REQUIRE(outcome.out.find('\n') == outcome.out.size() - 1);
  return outcome.out;
}

unsigned mode_of(const fs::path& file) {
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  return found.st_mode & 0777;
}

/// As its owner does it in an editor: the comment that stands for a line becomes that line.
void fill_in(const fs::path& file, const std::string& line) {
  const auto comment = "# " + line.substr(0, line.find('=') + 1);
  auto text = read_text(file);
  const auto at = text.find(comment);
  REQUIRE(at != std::string::npos);
  write_text(file, text.replace(at, text.find('\n', at) + 1 - at, line));
}

}  // namespace

TEST_CASE("from nothing to four files that fit together, by the commands and the lines that they print") {
  const TemporaryFolder home;
  const auto dir = [&](const std::string& name) { return home / name; };
  const auto file = [&](const std::string& name) { return dir(name) / (name + ".toml"); };
  std::array<std::string, 3> lines;
  lines[0] = line_of({"party", "init", "server0", "--dir", dir("server0").string(), "--listen-parties",
                      "127.0.0.1:7200", "--listen-clients", "127.0.0.1:7210", "--metrics", "127.0.0.1:9200"});
  lines[1] =
      line_of({"party", "init", "server1", "--dir", dir("server1").string(), "--listen-parties", "127.0.0.1:7201",
               "--listen-clients", "127.0.0.1:7211", "--metrics", "127.0.0.1:9201", "--server0", "127.0.0.1:7200"});
  lines[2] = line_of({"party", "init", "crypto_producer", "--dir", dir("crypto_producer").string(), "--listen-clients",
                      "127.0.0.1:7212", "--metrics", "127.0.0.1:9202", "--server0", "127.0.0.1:7200", "--server1",
                      "127.0.0.1:7201"});
  const auto client_line =
      line_of({"client", "init", "clinic", "--dir", dir("client").string(), "--server0", "127.0.0.1:7210", "--server1",
               "127.0.0.1:7211", "--crypto-producer", "127.0.0.1:7212"});
  for (std::size_t i = 0; i < 3; ++i) {
    // Before the others' lines are there, what is missing is told.
    const auto early = run({"party", "--config", file(names[i]).string()});
    CHECK(early.status == 2);
    CHECK(early.err.find("pins.") != std::string::npos);
    for (std::size_t k = 0; k < 3; ++k)
      if (k != i) fill_in(file(names[i]), lines[k]);
    fill_in(file(names[i]), client_line);
  }
  for (const auto& line : lines) fill_in(file("client"), line);

  std::vector<config::PartyConfig> parties;
  for (const std::string name : names) {
    const auto loaded = config::load_party(file(name));
    if (!loaded) FAIL(loaded.error().text());
    CHECK(config::name(loaded->role) == name);
    CHECK(loaded->data_dir == dir(name) / "data");
    const auto tls = net::tls_context(*loaded);
    if (!tls) FAIL(tls.error().what);
    REQUIRE(loaded->clients.size() == 1);
    CHECK(loaded->clients[0].name == "clinic");
    CHECK(loaded->clients[0].predict);
    CHECK(loaded->clients[0].deploy.empty());
    parties.push_back(*loaded);
    // A configuration says where a secret is; the folder, and all that is in it, is its owner's.
    CHECK(mode_of(dir(name)) == 0700);
    CHECK(mode_of(file(name)) == 0600);
    CHECK(mode_of(loaded->key) == 0600);
  }
  for (const auto& problem : config::check_together(parties)) FAIL_CHECK(problem);
  const auto client = config::load_client(file("client"));
  if (!client) FAIL(client.error().text());
  CHECK(client->server0 == parties[0].listen.clients);
  CHECK(client->crypto_producer == parties[2].listen.clients);
  const auto of_client = net::tls_context(*client);
  REQUIRE(of_client);
  CHECK(parties[0].clients[0].pins == config::Pins{(*of_client)->own().fingerprint()});
  CHECK(mode_of(client->key) == 0600);
}

TEST_CASE("init asks for the rights to bring models where the client says so") {
  const TemporaryFolder home;
  const auto line = line_of({"client", "init", "owner", "--dir", (home / "c").string(), "--deploy", "skin"});
  CHECK(line.starts_with("clients.owner = "));
  CHECK(line.find("deploy = [\"skin\"]") != std::string::npos);
  CHECK(line.find("predict") == std::string::npos);
}

TEST_CASE("init writes over nothing, and makes nothing when it is told nonsense") {
  const TemporaryFolder home;
  const auto dir = (home / "p").string();
  SUBCASE("a second time") {
    line_of({"party", "init", "server0", "--dir", dir});
    const auto before = read_text(home / "p/server0.toml") + read_text(home / "p/server0.key");
    CHECK(run({"party", "init", "server0", "--dir", dir}).status == 2);
    fs::remove(home / "p/server0.toml");
    // A key without a configuration is somebody's, too.
    CHECK(run({"party", "init", "server0", "--dir", dir}).status == 2);
    CHECK(read_text(home / "p/server0.toml") + read_text(home / "p/server0.key") ==
          before.substr(before.find("-----BEGIN")));
  }
  SUBCASE("nonsense") {
    for (const auto& arguments : {std::vector<std::string>{"party", "init", "server2", "--dir", dir},
                                  {"party", "init", "--dir", dir},
                                  {"party", "init", "server1", "--server0", "nowhere", "--dir", dir},
                                  {"client", "init", "a b", "--dir", dir},
                                  {"client", "init", "", "--dir", dir},
                                  {"client", "init", std::string(65, 'a'), "--dir", dir},
                                  {"client", "init", "operator", "--dir", dir},
                                  {"client", "init", "clinic", "--server1", "x:99999", "--dir", dir}}) {
      CAPTURE(arguments.back());
      CAPTURE(arguments[2]);
      CHECK(run(arguments).status == 2);
    }
    CHECK_FALSE(fs::exists(home / "p"));
  }
  SUBCASE("a folder that cannot be made") {
    write_text(home / "p", "a file");
    CHECK(run({"party", "init", "server0", "--dir", dir}).status == 2);
  }
}
