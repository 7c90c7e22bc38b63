#include "apps/local_files.h"

#include <doctest/doctest.h>

#include <set>

#include "apps/configs.h"
#include "apps/failure.h"
#include "net/key_file.h"
#include "tests/apps/support/program.h"

using namespace blindsight;
using namespace blindsight::tests;
namespace fs = std::filesystem;

TEST_CASE("free ports are different ones") {
  const auto ports = apps::free_ports();
  std::set<std::uint16_t> all(ports.parties.begin(), ports.parties.end());
  all.insert(ports.clients.begin(), ports.clients.end());
  all.insert(ports.metrics.begin(), ports.metrics.end());
  CHECK(all.size() == 8);
  CHECK_FALSE(all.contains(0));
}

TEST_CASE("the files that are written are those of three parties that know one another, and of their client") {
  const TemporaryFolder folder;
  // A name that a TOML string must not take as it is.
  const auto home = folder / "a \"b\\c";
  const apps::LocalPorts ports{{501, 502}, {1001, 1002, 1003}, {2001, 2002, 2003}};
  apps::write_local_configs(home, ports, "protocol = \"securenn\"\n");
  const auto client = apps::read_client_config(home / "client.toml");
  CHECK(client.server0.port == 1001);
  CHECK(client.server1.port == 1002);
  CHECK(client.crypto_producer.port == 1003);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto party = apps::read_party_config(home / (std::string(apps::party_names[i]) + ".toml"));
    CHECK(party.role == static_cast<config::Role>(i));
    CHECK(party.protocol == "securenn");
    CHECK(party.listen.clients.port == ports.clients[i]);
    CHECK(party.listen.parties.has_value() == (i < 2));
    if (party.listen.parties) CHECK(party.listen.parties->port == ports.parties[i]);
    CHECK(party.metrics.listen->port == ports.metrics[i]);
    CHECK(party.data_dir == home / apps::party_names[i]);
    for (const auto role : config::dialed_by(party.role))
      CHECK(party.peers.of(role)->port == ports.parties[static_cast<std::size_t>(role)]);
    REQUIRE(party.clients.size() == 1);
    CHECK(party.clients[0].pins == config::Pins{net::load_key(client.key)->fingerprint()});
    for (std::size_t k = 0; k < 3; ++k) {
      const auto role = static_cast<config::Role>(k);
      const auto key = net::load_key(home / (std::string(apps::party_names[k]) + ".key"));
      REQUIRE(key);
      CHECK(party.pins.of(role) == (k == i ? config::Pins{} : config::Pins{key->fingerprint()}));
      CHECK(client.pins.of(role) == config::Pins{key->fingerprint()});
    }
  }
}

TEST_CASE("files that are there already are kept") {
  const TemporaryFolder folder;
  write_text(folder / "server1.toml", "mine");
  apps::write_local_configs(folder.path(), {}, {});
  CHECK(read_text(folder / "server1.toml") == "mine");
  CHECK(fs::exists(folder / "server0.toml"));
  const auto key = read_text(folder / "server0.key");
  apps::write_local_configs(folder.path(), {}, {});
  CHECK(read_text(folder / "server0.key") == key);
}

TEST_CASE("a folder that cannot be made is the caller's to mend") {
  const TemporaryFolder folder;
  write_text(folder / "file", "");
  try {
    apps::write_local_configs(folder / "file", {}, {});
    FAIL("it was written");
  } catch (const apps::Failure& failure) {
    CHECK(failure.status() == apps::Exit::usage);
  }
}
