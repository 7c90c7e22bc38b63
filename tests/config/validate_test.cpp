#include "config/validate.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/config/support/party_file.h"

using namespace blindsight::config;
using namespace blindsight::tests;

TEST_CASE("a party is not its own peer") {
  check_one(good + "server0 = \"127.0.0.1:7105\"\n", 7, {"peers.server0", "this party itself", "the same role"});
  check_one(replaced(good, "127.0.0.1:7101", "127.0.0.1:7100"), 5, {"peers.server1", "same as listen in line 2"});
  check_one(replaced(good, "127.0.0.1:7101", "localhost:7100"), 5, {"peers.server1", "same as listen in line 2"});
  check_one(replaced(good, "127.0.0.1:7101", "127.0.0.1:7102"), 6,
            {"peers.crypto_producer", "same as peers.server1 in line 5"});
}

TEST_CASE("one port serves one purpose") {
  check_one(good + "[metrics]\nlisten = \"127.0.0.1:7100\"\n", 8, {"metrics.listen", "same as listen in line 2"});
  check_one(good + "[metrics]\nlisten = \"0.0.0.0:7100\"\n", 8, {"metrics.listen", "same as listen in line 2"});
  check_one(good + "[metrics]\nlisten = \"127.0.0.1:7101\"\n", 8,
            {"metrics.listen", "same as peers.server1 in line 5"});
  CHECK(problems_of(good + "[metrics]\nlisten = \"127.0.0.1:9100\"\n").empty());
}

TEST_CASE("the same port on two machines is two addresses") {
  CHECK(problems_of(R"(role = "server0"
insecure_plaintext_links = true
listen = "0.0.0.0:7100"
data_dir = "d"
peers.server1 = "10.0.0.2:7100"
peers.crypto_producer = "10.0.0.3:7100"
)")
            .empty());
}

TEST_CASE("an address that leaves the machine needs insecure_plaintext_links") {
  check_one(replaced(good, "127.0.0.1:7101", "10.0.0.2:7101"), 5,
            {"peers.server1", "10.0.0.2:7101", "insecure_plaintext_links = true"});
  check_one(replaced(good, "127.0.0.1:7100", "0.0.0.0:7100"), 2, {"listen", "insecure_plaintext_links = true"});
  check_one(replaced(good, "127.0.0.1:7100", "[2001:db8::1]:7100"), 2, {"listen"});
  check_one(replaced(good, "127.0.0.1:7101", "127.0.0.1.example.com:7101"), 5, {"peers.server1"});
  CHECK(problems_of("insecure_plaintext_links = true\n" + replaced(good, "127.0.0.1:7101", "10.0.0.2:7101")).empty());
  const auto client =
      parse_client("server0 = \"h:1\"\nserver1 = \"127.0.0.1:2\"\ncrypto_producer = \"127.0.0.1:3\"\n", "c");
  REQUIRE_FALSE(client);
  CHECK(client.error().list.size() == 1);
}

TEST_CASE("keys that depend on each other are compared") {
  check_one(good + "[link]\nframe_bytes = 8192\ncredit_bytes = 8191\n", 9, {"link.credit_bytes", "link.frame_bytes"});
  check_one(good + "[link]\nreconnect_min_ms = 5000\n", 8, {"link.reconnect_max_ms", "link.reconnect_min_ms"});
}

TEST_CASE("what the file does not hold is not judged") {
  PartyConfig party;
  party.listen = {"10.0.0.1", 1};
  party.peers.server0 = party.peers.server1 = party.listen;
  CHECK(validate(party, {}).empty());
  CHECK(validate(party, {{"listen", 3}}).size() == 1);
  ClientConfig client;
  client.server0 = client.server1 = party.listen;
  CHECK(validate(client, {}).empty());
  CHECK(validate(client, {{"server0", 1}}).size() == 1);
}

TEST_CASE("two parties of a client do not stand at one address") {
  ClientConfig client;
  client.server0 = {"127.0.0.1", 1};
  client.server1 = {"127.0.0.1", 2};
  client.crypto_producer = {"localhost", 1};
  const Lines lines = {{"server0", 1}, {"server1", 2}, {"crypto_producer", 3}};
  const auto problems = validate(client, lines);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].line == 3);
  CHECK(problems[0].what.find("crypto_producer = \"localhost:1\" is the same as server0 in line 1") !=
        std::string::npos);
  client.crypto_producer.port = 3;
  CHECK(validate(client, lines).empty());
}

TEST_CASE("the local files are good, and fit together") {
  std::vector<PartyConfig> parties;
  for (const char* file : {"server0", "server1", "crypto_producer"}) {
    const auto loaded = load_party(std::string("config/local/") + file + ".toml");
    if (!loaded) FAIL(loaded.error().text());
    CHECK(name(loaded->role) == file);
    parties.push_back(*loaded);
  }
  for (const auto& problem : check_together(parties)) FAIL_CHECK(problem);
  const auto client = load_client("config/local/client.toml");
  if (!client) FAIL(client.error().text());
  CHECK(client->server0 == parties[0].listen);
  CHECK(client->server1 == parties[1].listen);
  CHECK(client->crypto_producer == parties[2].listen);
}

TEST_CASE("files that do not fit together are found out") {
  std::vector<PartyConfig> parties;
  for (const char* file : {"server0", "server1", "crypto_producer"})
    parties.push_back(*load_party(std::string("config/local/") + file + ".toml"));
  const auto told = [](std::vector<PartyConfig> all, std::string_view words) {
    const auto problems = check_together(all);
    return std::ranges::any_of(problems, [&](const auto& p) { return p.find(words) != std::string::npos; });
  };
  auto broken = parties;
  broken[1].role = Role::server0;
  CHECK(told(broken, "2 files have role = \"server0\""));
  CHECK(told(broken, "no file has role = \"server1\""));
  broken = parties;
  broken[1].protocol = "plaintext";
  CHECK(told(broken, "protocol"));
  broken = parties;
  broken[2].triples = "fresh";
  CHECK(told(broken, "server0 has triples = \"reused\" and crypto_producer has triples = \"fresh\""));
  broken = parties;
  broken[0].randomness = "sent";
  CHECK(told(broken, "server0 has randomness = \"sent\" and server1 has randomness = \"seeded\""));
  broken = parties;
  broken[1].listen.port = 7200;
  CHECK(told(broken, "server0 expects server1 at 127.0.0.1:7101"));
  broken = parties;
  broken[2].data_dir = "run/../run/server0";
  CHECK(told(broken, "same data_dir"));
  broken = parties;
  broken[2].metrics = broken[0].metrics;
  CHECK(told(broken, "share the address 127.0.0.1:9100"));
}
