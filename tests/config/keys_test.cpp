#include "config/keys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <variant>

#include "tests/config/support/party_file.h"

using namespace blindsight::config;
using namespace blindsight::tests;

namespace {

/// The declared keys whose field has its default in each of `files`.
template <class Config>
std::vector<std::string_view> keys_never_set(std::vector<Config> files) {
  std::vector<std::string_view> never_set;
  for (const auto& key : keys<Config>()) {
    const auto is_default = [](Config& file, const auto& field) {
      Config defaults;
      return field(file) == field(defaults);
    };
    if (std::visit(
            [&](const auto& field) {
              return std::ranges::all_of(files, [&](Config& file) { return is_default(file, field); });
            },
            key.field))
      never_set.push_back(key.name);
  }
  return never_set;
}

}  // namespace

TEST_CASE("every key of a party is read into its own field") {
  const auto loaded = parse_party(R"(
role = "crypto_producer"
protocol = "plaintext"
triples = "fresh"
randomness = "sent"
listen = { parties = "[::1]:1", clients = "[::1]:5" }
key = "k"
pins = { server0 = ")" + a_pin + R"(", server1 = [")" +
                                      another_pin +
                                      R"("] }
insecure_plaintext_links = true
data_dir = "/var/d"
peers.server0 = "127.0.0.1:2"
peers.server1 = "127.0.0.1:3"
metrics.listen = "0.0.0.0:4"
log = { level = "debug", file = "l" }
preprocessing = { depth = 5, memory_limit_mb = 66, while_serving = true }
threads = { online = 7, preprocessing = 8, actors = 9 }
link = { frame_bytes = 10000, credit_bytes = 11000, connect_timeout_ms = 12, reconnect_min_ms = 13, reconnect_max_ms = 14, ping_interval_ms = 15, silence_ms = 45 }
limits = { max_queries = 15, max_message_mb = 16, handshakes_per_second = 17 }
query.timeout_ms = 1700
priorities.enabled = false
)",
                                  "party.toml");
  if (!loaded) FAIL(loaded.error().text());
  PartyConfig c;
  c.role = Role::crypto_producer;
  c.protocol = "plaintext";
  c.triples = "fresh";
  c.randomness = "sent";
  c.listen = {.parties = Address{"::1", 1}, .clients = {"::1", 5}};
  c.key = "k";
  c.pins = {.server0 = {{1}}, .server1 = {{2}}, .crypto_producer = {}};
  c.insecure_plaintext_links = true;
  c.data_dir = "/var/d";
  c.peers = {.server0 = Address{"127.0.0.1", 2}, .server1 = Address{"127.0.0.1", 3}};
  c.metrics.listen = Address{"0.0.0.0", 4};
  c.log = {"debug", "l"};
  c.preprocessing = {5, 66, true};
  c.threads = {7, 8, 9};
  c.link = {10000, 11000, 12, 13, 14, 15, 45};
  c.limits = {15, 16, 17};
  c.query.timeout_ms = 1700;
  c.priorities.enabled = false;
  CHECK(*loaded == c);
  // No file names all three peers.
  for (const auto key : keys_never_set<PartyConfig>({*loaded, *parse_party(good, "party.toml")}))
    FAIL_CHECK("this test forgets ", key);
}

TEST_CASE("every key of a client is read into its own field") {
  const auto loaded = parse_client(R"(
server0 = "127.0.0.1:1"
server1 = "127.0.0.1:2"
crypto_producer = "127.0.0.1:3"
key = "k"
pins = { server0 = ")" + a_pin + R"(", server1 = ")" +
                                       another_pin + R"(", crypto_producer = ")" + third_pin + R"(" }
insecure_plaintext_links = true
model.plan = "m.plan"
link = { frame_bytes = 10000, connect_timeout_ms = 12 }
query.timeout_ms = 4000
)",
                                   "client.toml");
  if (!loaded) FAIL(loaded.error().text());
  ClientConfig c;
  c.server0 = {"127.0.0.1", 1};
  c.server1 = {"127.0.0.1", 2};
  c.crypto_producer = {"127.0.0.1", 3};
  c.key = "k";
  c.pins = {.server0 = {{1}}, .server1 = {{2}}, .crypto_producer = {{3}}};
  c.insecure_plaintext_links = true;
  c.model.plan = "m.plan";
  c.link.frame_bytes = 10000;
  c.link.connect_timeout_ms = 12;
  c.query.timeout_ms = 4000;
  CHECK(*loaded == c);
  for (const auto key : keys_never_set<ClientConfig>({*loaded})) FAIL_CHECK("this test forgets ", key);
}

TEST_CASE("canary: a key that no file sets is found out") {
  CHECK(keys_never_set<PartyConfig>({PartyConfig()}).size() == keys<PartyConfig>().size());
  PartyConfig one;
  one.preprocessing.depth = 5;
  const auto others = keys_never_set<PartyConfig>({PartyConfig(), one});
  CHECK(others.size() + 1 == keys<PartyConfig>().size());
  CHECK(std::ranges::find(others, "preprocessing.depth") == others.end());
}

TEST_CASE_TEMPLATE("a key is declared once, and the default of an integer is within its bounds", Config, PartyConfig,
                   ClientConfig) {
  std::set<std::string_view> names;
  for (const auto& key : keys<Config>()) {
    CAPTURE(key.name);
    CHECK(names.insert(key.name).second);
    Config defaults;
    if (const auto* integer = std::get_if<std::function<std::uint32_t&(Config&)>>(&key.field)) {
      CHECK((*integer)(defaults) >= key.smallest);
      CHECK((*integer)(defaults) <= key.largest);
    }
  }
  CHECK(names.size() >= 8);
}

TEST_CASE("the ways of dealing are two words each") {
  CHECK(problems_of("triples = \"reused\"\nrandomness = \"seeded\"\n" + good).empty());
  check_one("triples = \"once\"\n" + good, 1, {"triples", "\"once\"", "\"reused\", \"fresh\""});
  check_one("# a comment\nrandomness = \"reused\"\n" + good, 2, {"randomness", "\"seeded\", \"sent\""});
  check_one("triples = true\n" + good, 1, {"triples", "a string"});
}
