#include "apps/key_lines.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace blindsight;
using apps::client_line;
using apps::pin_line;
using config::Role;

namespace {

const auto key = wire::Credentials::generate("x", std::chrono::system_clock::now());

/// A file that holds the line and all that must be there besides.
config::Loaded<config::PartyConfig> with(const std::string& line) {
  const auto other = wire::Credentials::generate("y", std::chrono::system_clock::now());
  return config::parse_party(
      "role = \"server0\"\nkey = \"k\"\ndata_dir = \"d\"\nlisten.parties = \"127.0.0.1:1\"\n"
      "listen.clients = \"127.0.0.1:2\"\npins.crypto_producer = \"" +
          config::pin_text(other.fingerprint()) + "\"\n" + line + '\n',
      "server0.toml");
}

}  // namespace

TEST_CASE("a party's line is read as its pin by the others") {
  CHECK(pin_line(Role::crypto_producer, key) ==
        "pins.crypto_producer = \"" + config::pin_text(key.fingerprint()) + '"');
  const auto read = with(pin_line(Role::server1, key));
  if (!read) FAIL(read.error().text());
  CHECK(read->pins.server1 == config::Pins{key.fingerprint()});
}

TEST_CASE("a client's line is read as what it may do, and no more") {
  const auto next = wire::Credentials::generate("z", std::chrono::system_clock::now());
  config::ClientRights nothing, all;
  nothing.name = "clinic-2";
  nothing.pins = {next.fingerprint()};
  all.name = "owner";
  all.pins = {key.fingerprint(), next.fingerprint()};
  all.predict = all.status = true;
  all.deploy = {"skin", "lung"};
  const auto of_server1 = wire::Credentials::generate("s", std::chrono::system_clock::now());
  for (const auto& rights : {nothing, all}) {
    const auto read = with(pin_line(Role::server1, of_server1) + '\n' + client_line(rights));
    if (!read) FAIL(read.error().text());
    CHECK(read->clients == std::vector{rights});
  }
}
