#include "config/config.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "config/keys.h"

using namespace blindsight::config;

namespace {

const std::string good = R"(role = "server0"
listen = "127.0.0.1:7100"
data_dir = "run/server0"
[peers]
server1 = "127.0.0.1:7101"
crypto_producer = "127.0.0.1:7102"
)";

std::vector<Problem> problems_of(const std::string& text) {
  const auto loaded = parse_party(text, "party.toml");
  return loaded ? std::vector<Problem>{} : loaded.error().list;
}

/// The only problem of `text`, which must mention `words` and stand in `line`.
void check_one(const std::string& text, std::size_t line, std::initializer_list<std::string_view> words) {
  CAPTURE(text);
  const auto problems = problems_of(text);
  REQUIRE(problems.size() == 1);
  CAPTURE(problems[0].what);
  CHECK(problems[0].line == line);
  for (auto word : words) {
    CAPTURE(word);
    CHECK(problems[0].what.find(word) != std::string::npos);
  }
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

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

TEST_CASE("a short file gets the defaults for all that it leaves out") {
  const auto loaded = parse_party(good, "party.toml");
  REQUIRE(loaded);
  PartyConfig expected;
  expected.role = Role::server0;
  expected.listen = {"127.0.0.1", 7100};
  expected.data_dir = "run/server0";
  expected.peers.server1 = {"127.0.0.1", 7101};
  expected.peers.crypto_producer = {"127.0.0.1", 7102};
  CHECK(*loaded == expected);
  CHECK(loaded->preprocessing.depth == 2);
  CHECK(loaded->link.frame_bytes == 262144);
  CHECK(loaded->priorities.enabled);
  CHECK_FALSE(loaded->metrics.listen);
}

TEST_CASE("every key of a party is read into its own field") {
  const auto loaded = parse_party(R"(
role = "crypto_producer"
protocol = "plaintext"
triples = "fresh"
randomness = "sent"
listen = "[::1]:1"
insecure_plaintext_links = true
data_dir = "/var/d"
peers.server0 = "a.example:2"
peers.server1 = "b.example:3"
metrics.listen = "0.0.0.0:4"
log = { level = "debug", file = "l" }
preprocessing = { depth = 5, memory_limit_mb = 66, while_serving = true }
threads = { online = 7, preprocessing = 8, actors = 9 }
link = { frame_bytes = 10000, credit_bytes = 11000, connect_timeout_ms = 12, reconnect_min_ms = 13, reconnect_max_ms = 14 }
limits = { max_queries = 15, max_message_mb = 16 }
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
  c.listen = {"::1", 1};
  c.insecure_plaintext_links = true;
  c.data_dir = "/var/d";
  c.peers = {.server0 = Address{"a.example", 2}, .server1 = Address{"b.example", 3}, .crypto_producer = {}};
  c.metrics.listen = Address{"0.0.0.0", 4};
  c.log = {"debug", "l"};
  c.preprocessing = {5, 66, true};
  c.threads = {7, 8, 9};
  c.link = {10000, 11000, 12, 13, 14};
  c.limits = {15, 16};
  c.query.timeout_ms = 1700;
  c.priorities.enabled = false;
  CHECK(*loaded == c);
  // No file names all three peers.
  for (const auto key : keys_never_set<PartyConfig>({*loaded, *parse_party(good, "party.toml")}))
    FAIL_CHECK("this test forgets ", key);
}

TEST_CASE("every key of a client is read into its own field") {
  const auto loaded = parse_client(R"(
server0 = "h:1"
server1 = "h:2"
crypto_producer = "h:3"
insecure_plaintext_links = true
model.plan = "m.plan"
link = { frame_bytes = 10000, connect_timeout_ms = 12 }
query.timeout_ms = 4000
)",
                                   "client.toml");
  if (!loaded) FAIL(loaded.error().text());
  ClientConfig c;
  c.server0 = {"h", 1};
  c.server1 = {"h", 2};
  c.crypto_producer = {"h", 3};
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

TEST_CASE("a client's file has no keys that a client does not read") {
  const auto loaded = parse_client(
      "server0 = \"localhost:1\"\nserver1 = \"localhost:2\"\ncrypto_producer = \"localhost:3\"\nlink.credit_bytes = "
      "500000\n",
      "client.toml");
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().text().find("unknown key link.credit_bytes") != std::string::npos);
}

TEST_CASE("an unknown key is refused, with the one that was probably meant") {
  check_one(good + "[link]\nframe_byte = 5000\n", 8, {"unknown key link.frame_byte", "link.frame_bytes"});
  check_one(good + "[links]\nframe_bytes = 5000\n", 8, {"unknown key links.frame_bytes", "link.frame_bytes"});
  check_one("lisen = 3\n" + good, 1, {"unknown key lisen", "did you mean listen?"});
  check_one(good + "[preprocessing]\nfavorite_color = 1\n", 8, {"unknown key preprocessing.favorite_color"});
  CHECK(problems_of("qqqqqq = 1\n" + good)[0].what.find("did you mean") == std::string::npos);
  check_one(good + "[empty]\n", 7, {"unknown key empty"});
  check_one(good + "[[peer]]\nserver1 = \"x\"\n", 7, {"unknown key peer"});
}

TEST_CASE("a wrong type is named with the right one") {
  check_one(good + "[preprocessing]\ndepth = \"2\"\n", 8, {"preprocessing.depth", "an integer (packs)", "a string"});
  check_one(good + "[preprocessing]\ndepth = 2.5\n", 8, {"an integer", "a real number"});
  check_one("insecure_plaintext_links = 1\n" + good, 1, {"true or false", "an integer"});
  check_one(replaced(good, "\"127.0.0.1:7100\"", "7100"), 2, {"listen", "host:port", "an integer"});
  check_one(good + "[log]\nlevel = [\"info\"]\n", 8, {"log.level", "a string", "an array"});
  check_one("link = 3\n" + good, 1, {"link is a table", "[link]"});
  check_one(replaced(good, "\"127.0.0.1:7100\"", "{ here = 1 }"), 2, {"listen", "a table"});
}

TEST_CASE("a value out of bounds is named with its bounds") {
  check_one(good + "[threads]\nonline = 2000\n", 8, {"threads.online = 2000", "from 0 to 1024 threads"});
  check_one(good + "[preprocessing]\ndepth = 65\n", 8, {"65", "from 0 to 64"});
  check_one(good + "[preprocessing]\ndepth = -1\n", 8, {"-1", "from 0 to 64"});
  check_one(good + "[preprocessing]\ndepth = 4294967298\n", 8, {"4294967298", "from 0 to 64"});
  check_one(good + "[log]\nlevel = \"loud\"\n", 8, {"\"loud\"", "\"info\""});
  check_one(replaced(good, "\"server0\"", "\"server3\""), 1, {"role", "server3", "crypto_producer"});
  check_one(replaced(good, "\"run/server0\"", "\"\""), 3, {"data_dir is empty"});
  CHECK(problems_of(good + "[preprocessing]\ndepth = 0\n").empty());
  CHECK(problems_of(good + "[preprocessing]\ndepth = 64\n").empty());
}

TEST_CASE("what is no address is refused") {
  for (const char* bad :
       {"7100", "127.0.0.1", "127.0.0.1:", ":7100", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:7100x", "::1:7100",
        "[::1]", "[]:1", "a b:1", "127.0.0.1: 7100", "127.0.0.1:-1", "http://127.0.0.1:7100"}) {
    check_one(replaced(good, "127.0.0.1:7100", bad), 2, {"listen", "not an address"});
  }
  for (const char* fine : {"127.0.0.1:1", "127.9.9.9:65535", "[::1]:7100", "localhost:7100"}) {
    CAPTURE(fine);
    CHECK(problems_of(replaced(good, "127.0.0.1:7100", fine)).empty());
  }
}

TEST_CASE("what is missing is named") {
  check_one(replaced(good, "role = \"server0\"", ""), 0, {"role is missing"});
  check_one(replaced(good, "listen = \"127.0.0.1:7100\"", ""), 0, {"listen is missing"});
  check_one(replaced(good, "data_dir = \"run/server0\"", ""), 0, {"data_dir is missing"});
  check_one(replaced(good, "server1 = \"127.0.0.1:7101\"", ""), 0, {"peers.server1 is missing", "host:port"});
  check_one(replaced(good, "\"127.0.0.1:7101\"", "\"\""), 5, {"peers.server1 is empty"});
  CHECK(problems_of("").size() == 3);
}

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

TEST_CASE("the ways of dealing are two words each") {
  CHECK(problems_of("triples = \"reused\"\nrandomness = \"seeded\"\n" + good).empty());
  check_one("triples = \"once\"\n" + good, 1, {"triples", "\"once\"", "\"reused\", \"fresh\""});
  check_one("# a comment\nrandomness = \"reused\"\n" + good, 2, {"randomness", "\"seeded\", \"sent\""});
  check_one("triples = true\n" + good, 1, {"triples", "a string"});
}

TEST_CASE("keys that depend on each other are compared") {
  check_one(good + "[link]\nframe_bytes = 8192\ncredit_bytes = 8191\n", 9, {"link.credit_bytes", "link.frame_bytes"});
  check_one(good + "[link]\nreconnect_min_ms = 5000\n", 8, {"link.reconnect_max_ms", "link.reconnect_min_ms"});
}

TEST_CASE("all problems are told at once, in the order of the file") {
  const auto loaded = parse_party(R"(role = "server0"
listen = "127.0.0.1"
protocol = 3
[peers]
server1 = "8.8.8.8:53"
server0 = "127.0.0.1:1"
[link]
frame_bytes = 1
[typo]
key = 1
)",
                                  "broken.toml");
  REQUIRE_FALSE(loaded);
  std::vector<std::size_t> lines;
  for (const auto& p : loaded.error().list) lines.push_back(p.line);
  CHECK(lines == std::vector<std::size_t>{2, 3, 5, 6, 8, 10, 0, 0});
  const auto text = loaded.error().text();
  CAPTURE(text);
  CHECK(std::ranges::count(text, '\n') == 8);
  CHECK(text.starts_with("broken.toml:2: listen"));
  CHECK(text.find("broken.toml: data_dir is missing") != std::string::npos);
  CHECK(text.find("broken.toml: peers.crypto_producer is missing") != std::string::npos);
}

TEST_CASE("what is not TOML is refused with its line") {
  check_one(good + "this is not toml\n", 7, {"not TOML"});
  check_one(good + "server1 = \"127.0.0.1:7109\"\n", 7, {"not TOML", "server1"});
  check_one("a = \"\xff\xfe\"\n", 1, {"not TOML"});
  check_one("role = \"server0", 1, {"not TOML"});
  check_one(std::string(100'000, '['), 1, {"not TOML"});
}

TEST_CASE("letters beyond ASCII outside a string are refused with their line") {
  for (const char* letter : {"ä", "é", "Ω", "\u4e2d", "\u1234", "\u2100"}) {
    check_one(good + letter + " = 1\n", 7, {"this is not TOML"});
    check_one(good + "x = " + letter + "\n", 7, {"this is not TOML"});
  }
  CHECK(parse_party(replaced(good, "run/server0", "run/ärzte é中"), "party.toml")->data_dir == "run/ärzte é中");
}

TEST_CASE("a table without a name is refused with its line") {
  for (const char* table : {"[=]", "[ä]", "[.a]", "[[=]]", "[[ ä]]", "[ ]", "[#]"})
    check_one(good + table + "\n", 7, {"this is not TOML"});
}

TEST_CASE("control characters of a file do not reach the terminal") {
  const auto problems = problems_of("role = \"\\u001b[31mred\"\n");
  REQUIRE_FALSE(problems.empty());
  for (const auto& p : problems) CHECK(p.what.find('\x1b') == std::string::npos);
}

TEST_CASE("a key of very many parts is refused before it fills the stack") {
  std::string key = "a";
  for (unsigned i = 0; i < 20'000; ++i) key += ".a";
  check_one(key + " = 1\n" + good, 0, {"20009 dots", "1000"});
  std::string fewer = "a";
  for (unsigned i = 0; i < 900; ++i) fewer += ".a";
  check_one(good + "[x]\n" + fewer + " = 1\n", 8, {"unknown key x.a.a", "…"});
}

TEST_CASE("a long name is told shortly, and once for all keys of its table") {
  const std::string name(500'000, 'n');
  std::string keys;
  for (unsigned i = 0; i < 50'000; ++i) keys += 'k' + std::to_string(i) + "=1\n";
  const auto problems = problems_of(good + "[" + name + "]\n" + keys);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].what.size() < 200);
  check_one(good + "[log]\nlevel = \"" + name + "\"\n", 8, {"log.level = \"nnn", "…\" is none of"});
  // Cut between characters, not inside one.
  check_one(good + "x" + std::string(200, 'y') + " = 1\n", 7, {"unknown key"});
  std::string umlauts = "\"x";
  for (unsigned i = 0; i < 100; ++i) umlauts += "ä";
  check_one(good + umlauts + "\" = 1\n", 7, {"ää…"});
}

TEST_CASE("a file that cannot be read is an error with its name") {
  const auto folder = std::filesystem::temp_directory_path() / "blindsight_config_test";
  std::filesystem::create_directories(folder);
  for (const auto& [path, words] :
       {std::pair{folder / "absent.toml", "no such file"}, std::pair{folder, "not a file"}}) {
    const auto loaded = load_party(path);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().text().find(path.string()) != std::string::npos);
    CHECK(loaded.error().text().find(words) != std::string::npos);
  }
  const auto large = folder / "large.toml";
  std::ofstream(large) << std::string(1024 * 1024 + 1, '#');
  CHECK(load_party(large).error().text().find("bytes") != std::string::npos);
  const auto empty = folder / "empty.toml";
  std::ofstream(empty) << "";
  REQUIRE_FALSE(load_client(empty));
  CHECK(load_client(empty).error().list.size() == 3);
  std::filesystem::remove_all(folder);
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

TEST_CASE("every key is described, with unit, bounds and default") {
  for (const auto& [all, text] :
       {std::pair{party_keys(), describe_party()}, std::pair{client_keys(), describe_client()}}) {
    REQUIRE(all.size() >= 8);
    for (const auto& key : all) {
      CAPTURE(key.key);
      CHECK(text.find(key.key + '\n') != std::string::npos);
      CHECK(key.description.size() > 15);
      CHECK(key.description.ends_with('.'));
      CHECK_FALSE(key.type.empty());
      CHECK_FALSE(key.default_value.empty());
      if (key.type == "integer") {
        CHECK_FALSE(key.unit.empty());
        const auto to = key.bounds.find(" to ");
        REQUIRE(to != std::string::npos);
        const auto value = std::stoul(key.default_value);
        CHECK(value >= std::stoul(key.bounds.substr(0, to)));
        CHECK(value <= std::stoul(key.bounds.substr(to + 4)));
      }
    }
  }
}
