#include "config/validate.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/config/support/party_file.h"

using namespace blindsight::config;
using namespace blindsight::tests;

TEST_CASE("a party is not its own peer") {
  check_one(good + "server1 = \"127.0.0.1:7105\"\n", 9, {"peers.server1", "this party itself", "the same role"});
  check_one(replaced(good, "127.0.0.1:7101", "127.0.0.1:7100"), 7,
            {"peers.server0", "same as listen.parties in line 2"});
  check_one(replaced(good, "127.0.0.1:7101", "localhost:7100"), 7,
            {"peers.server0", "same as listen.parties in line 2"});
}

TEST_CASE("a party's own pin is no other party's, whichever it is") {
  check_one(replaced(good, "pins = { server0", "pins = { server1 = \"" + third_pin + "\", server0"), 5,
            {"pins.server1", "this party's own", "Remove it"});
}

TEST_CASE("one port serves one purpose") {
  check_one(good + "[metrics]\nlisten = \"127.0.0.1:7100\"\n", 10,
            {"metrics.listen", "same as listen.parties in line 2"});
  check_one(good + "[metrics]\nlisten = \"0.0.0.0:7100\"\n", 10,
            {"metrics.listen", "same as listen.parties in line 2"});
  check_one(good + "[metrics]\nlisten = \"127.0.0.1:7101\"\n", 10,
            {"metrics.listen", "same as peers.server0 in line 7"});
  CHECK(problems_of(good + "[metrics]\nlisten = \"127.0.0.1:9100\"\n").empty());
}

TEST_CASE("the same port on two machines is two addresses") {
  CHECK(problems_of(replaced(good, "127.0.0.1:7101", "10.0.0.2:7100")).empty());
}

TEST_CASE("links that leave the machine are encrypted, whatever the file says") {
  CHECK(problems_of(replaced(good, "127.0.0.1:7101", "10.0.0.2:7101")).empty());
  const std::string insecure = "insecure_plaintext_links = true\n";
  check_one(insecure + replaced(good, "127.0.0.1:7101", "10.0.0.2:7101"), 8,
            {"peers.server0", "10.0.0.2:7101", "insecure_plaintext_links"});
  check_one(insecure + replaced(good, "127.0.0.1:7100", "0.0.0.0:7100"), 3, {"listen.parties"});
  check_one(insecure + replaced(good, "127.0.0.1:7110", "[2001:db8::1]:7110"), 3, {"listen.clients"});
  check_one(insecure + replaced(good, "127.0.0.1:7101", "127.0.0.1.example.com:7101"), 8, {"peers.server0"});
  const auto client =
      parse_client(insecure + "server0 = \"h:1\"\nserver1 = \"127.0.0.1:2\"\ncrypto_producer = \"127.0.0.1:3\"\n", "c");
  REQUIRE_FALSE(client);
  CHECK(client.error().list.size() == 1);
}

TEST_CASE("a key stands for one only") {
  check_one(replaced(good, another_pin, a_pin), 5, {"pins.server0", "pins.crypto_producer", "same pin"});
  check_one(good + "[clients.clinic]\npins = \"" + a_pin + "\"\n", 9, {"clients.clinic", "pins.server0", "same pin"});
  check_one(good + "[clients.one]\npins = \"" + third_pin + "\"\n[clients.two]\npins = \"" + third_pin + "\"\n", 11,
            {"clients.one", "clients.two", "same pin"});
}

TEST_CASE("keys that depend on each other are compared") {
  check_one(good + "[link]\nframe_bytes = 8192\ncredit_bytes = 8191\n", 11, {"link.credit_bytes", "link.frame_bytes"});
  check_one(good + "[link]\nreconnect_min_ms = 5000\n", 10, {"link.reconnect_max_ms", "link.reconnect_min_ms"});
  check_one(good + "[link]\nping_interval_ms = 2000\n", 10, {"link.silence_ms", "link.ping_interval_ms"});
}

TEST_CASE("what the file does not hold is not judged") {
  PartyConfig party;
  party.insecure_plaintext_links = true;
  party.listen.parties = {"10.0.0.1", 1};
  party.peers.server0 = party.peers.server1 = party.listen.parties;
  CHECK(validate(party, {}).empty());
  CHECK(validate(party, {{"listen.parties", 3}}).size() == 1);
  ClientConfig client;
  client.insecure_plaintext_links = true;
  client.server0 = client.server1 = *party.listen.parties;
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

TEST_CASE("files that do not fit together are found out") {
  std::vector<PartyConfig> parties(3);
  for (std::uint16_t i = 0; i < 3; ++i) {
    auto& party = parties[i];
    party.role = static_cast<Role>(i);
    const auto here = [i](int first) { return Address{"127.0.0.1", static_cast<std::uint16_t>(first + i)}; };
    if (party.role != Role::crypto_producer) party.listen.parties = here(7100);
    party.listen.clients = here(7110);
    party.metrics.listen = here(9100);
    party.data_dir = "run/" + std::string(name(party.role));
  }
  parties[1].peers.server0 = parties[2].peers.server0 = parties[0].listen.parties;
  parties[2].peers.server1 = parties[1].listen.parties;
  for (const auto& problem : check_together(parties)) FAIL_CHECK(problem);
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
  broken[1].listen.parties->port = 7200;
  CHECK(told(broken, "crypto_producer expects server1 at 127.0.0.1:7101"));
  broken = parties;
  broken[1].insecure_plaintext_links = true;
  CHECK(told(broken, "do not agree on insecure_plaintext_links"));
  broken = parties;
  broken[2].data_dir = "run/../run/server0";
  CHECK(told(broken, "same data_dir"));
  broken = parties;
  broken[2].metrics = broken[0].metrics;
  CHECK(told(broken, "share the address 127.0.0.1:9100"));
}
