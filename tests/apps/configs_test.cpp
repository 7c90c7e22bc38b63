#include "apps/configs.h"

#include <doctest/doctest.h>

#include "apps/failure.h"
#include "tests/apps/support/three_processes.h"
#include "tests/support/text.h"

using namespace blindsight;
using namespace blindsight::tests;
namespace fs = std::filesystem;

namespace {

void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  auto text = read_text(file);
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  write_text(file, text.replace(at, from.size(), to));
}

/// What a person is told of a file that cannot be used.
template <class Read>
std::string told(Read read, const fs::path& file) {
  try {
    read(file);
  } catch (const apps::Failure& failure) {
    CHECK(failure.status() == apps::Exit::usage);
    return failure.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a party's and a client's file are read") {
  const ThreeProcesses parties;
  CHECK(apps::read_party_config(parties.config(2)).role == config::Role::crypto_producer);
  CHECK(apps::read_client_config(parties.client_config()).server1.port == parties.client_port(1));
}

TEST_CASE("every problem of a file is told, with its line and key, and not what is right") {
  const ThreeProcesses parties;
  replace_in(parties.config(0), "role = ", "colour = \"blue\"\nrole = ");
  write_text(parties.config(0), read_text(parties.config(0)) + "\n[limits]\nmax_queries = \"many\"\n");
  const auto party = told(apps::read_party_config, parties.config(0));
  CHECK(contains(party, "server0.toml:1:"));
  CHECK(contains(party, "colour"));
  CHECK(contains(party, "max_queries"));
  CHECK_FALSE(contains(party, "listen"));
  CHECK_FALSE(party.ends_with('\n'));

  replace_in(parties.client_config(), "server0", "sever0");
  CHECK(contains(told(apps::read_client_config, parties.client_config()), "sever0"));
  CHECK_FALSE(told(apps::read_client_config, parties.folder() / "gone.toml").empty());
  CHECK_FALSE(told(apps::read_party_config, parties.folder() / "gone.toml").empty());
}
