#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "config/config.h"
#include "tests/config/support/party_file.h"
#include "tests/support/temporary_folder.h"

using namespace blindsight::config;
using namespace blindsight::tests;

TEST_CASE("a short file gets the defaults for all that it leaves out") {
  const auto loaded = parse_party(good, "party.toml");
  REQUIRE(loaded);
  PartyConfig expected;
  expected.role = Role::server1;
  expected.listen = {.parties = Address{"127.0.0.1", 7100}, .clients = {"127.0.0.1", 7110}};
  expected.data_dir = "run/server1";
  expected.key = "run/server1.key";
  expected.pins = {.server0 = {{1}}, .server1 = {}, .crypto_producer = {{2}}};
  expected.peers.server0 = {"127.0.0.1", 7101};
  CHECK(*loaded == expected);
  CHECK(loaded->preprocessing.depth == 2);
  CHECK(loaded->link.frame_bytes == 262144);
  CHECK(loaded->priorities.enabled);
  CHECK_FALSE(loaded->metrics.listen);
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
  check_one(good + "[link]\nframe_byte = 5000\n", 10, {"unknown key link.frame_byte", "link.frame_bytes"});
  check_one(good + "[links]\nframe_bytes = 5000\n", 10, {"unknown key links.frame_bytes", "link.frame_bytes"});
  check_one("lisen.clients = 3\n" + good, 1, {"unknown key lisen.clients", "did you mean listen.clients?"});
  check_one(good + "[preprocessing]\nfavorite_color = 1\n", 10, {"unknown key preprocessing.favorite_color"});
  CHECK(problems_of("qqqqqq = 1\n" + good)[0].what.find("did you mean") == std::string::npos);
  check_one(good + "[empty]\n", 9, {"unknown key empty"});
  check_one(good + "[[peer]]\nserver1 = \"x\"\n", 9, {"unknown key peer"});
}

TEST_CASE("a wrong type is named with the right one") {
  check_one(good + "[preprocessing]\ndepth = \"2\"\n", 10, {"preprocessing.depth", "an integer (packs)", "a string"});
  check_one(good + "[preprocessing]\ndepth = 2.5\n", 10, {"an integer", "a real number"});
  check_one("insecure_plaintext_links = 1\n" + good, 1, {"true or false", "an integer"});
  check_one(replaced(good, "\"127.0.0.1:7100\"", "7100"), 2, {"listen.parties", "host:port", "an integer"});
  check_one(good + "[log]\nlevel = [\"info\"]\n", 10, {"log.level", "a string", "an array"});
  check_one("link = 3\n" + good, 1, {"link is a table", "[link]"});
  check_one(replaced(good, "127.0.0.1:7100", "7100"), 2, {"listen.parties", "\"7100\"", "not an address"});
  check_one(replaced(good, "\"127.0.0.1:7100\"", "{ here = 1 }"), 2, {"listen.parties", "a table"});
}

TEST_CASE("a value out of bounds is named with its bounds") {
  check_one(good + "[threads]\nonline = 2000\n", 10, {"threads.online = 2000", "from 0 to 1024 threads"});
  check_one(good + "[preprocessing]\ndepth = 65\n", 10, {"65", "from 0 to 64"});
  check_one(good + "[preprocessing]\ndepth = -1\n", 10, {"-1", "from 0 to 64"});
  check_one(good + "[preprocessing]\ndepth = 4294967298\n", 10, {"4294967298", "from 0 to 64"});
  check_one(good + "[log]\nlevel = \"loud\"\n", 10, {"\"loud\"", "\"info\""});
  check_one(replaced(good, "\"server1\"", "\"server3\""), 1, {"role", "server3", "crypto_producer"});
  check_one(replaced(good, "\"run/server1\"", "\"\""), 3, {"data_dir is empty"});
  check_one(replaced(good, "run/server1", "run\\u0000"), 3, {"data_dir", "a zero byte"});
  check_one("protocol = \"\"\n" + good, 1, {"protocol is empty"});
  CHECK(problems_of(good + "[preprocessing]\ndepth = 0\n").empty());
  CHECK(problems_of(good + "[preprocessing]\ndepth = 64\n").empty());
}

TEST_CASE("what is missing is named") {
  check_one(replaced(good, "role = \"server1\"", ""), 0, {"role is missing"});
  check_one(replaced(good, "parties = \"127.0.0.1:7100\", ", ""), 0, {"listen.parties is missing", "host:port"});
  check_one(replaced(good, ", clients = \"127.0.0.1:7110\"", ""), 0, {"listen.clients is missing"});
  check_one(replaced(good, "key = \"run/server1.key\"", ""), 0, {"key is missing", "blindsight key new"});
  check_one(replaced(good, "server0 = \"" + a_pin + "\", ", ""), 0, {"pins.server0 is missing", "key show"});
  check_one(replaced(good, "data_dir = \"run/server1\"", ""), 0, {"data_dir is missing"});
  check_one(replaced(good, "server0 = \"127.0.0.1:7101\"", ""), 0, {"peers.server0 is missing", "host:port"});
  check_one(replaced(good, "\"127.0.0.1:7101\"", "\"\""), 7, {"peers.server0 is empty"});
  CHECK(problems_of("").size() == 3);
}

TEST_CASE("links without keys need no pins") {
  auto text = "insecure_plaintext_links = true\n" + replaced(good, "key = \"run/server1.key\"", "");
  CHECK(problems_of(replaced(text, "pins =", "# pins =")).empty());
}

TEST_CASE("a pin with a typing error is told where it stands") {
  auto wrong = a_pin;
  wrong[5] = wrong[5] == 'x' ? 'y' : 'x';
  check_one(replaced(good, a_pin, wrong), 5, {"pins.server0", wrong, "typing error", "blindsight key show"});
  check_one(replaced(good, "\"" + a_pin + "\"", "[]"), 5, {"pins.server0", "empty"});
  check_one(replaced(good, "\"" + a_pin + "\"", "7"), 5, {"pins.server0", "a pin or a list of pins", "an integer"});
  const auto two = parse_party(replaced(good, "\"" + a_pin + "\"", "[\"" + a_pin + "\", \"" + third_pin + "\"]"), "f");
  REQUIRE(two);
  CHECK(two->pins.server0 == Pins{{1}, {3}});
}

TEST_CASE("clients are tables under the names that the party gives them") {
  const auto loaded = parse_party(good + "[clients.clinic]\npins = \"" + third_pin +
                                      "\"\npredict = true\nqueries_per_minute = 30\n[clients.owner_2]\npins = [\"" +
                                      pin_text({4}) + "\"]\ndeploy = [\"skin\", \"eye\"]\nstatus = true\n",
                                  "f");
  if (!loaded) FAIL(loaded.error().text());
  REQUIRE(loaded->clients.size() == 2);
  const auto& clinic = loaded->clients[0];
  CHECK(clinic == ClientRights{"clinic", {{3}}, true, {}, false, 30});
  CHECK_FALSE(clinic.may_deploy("skin"));
  const auto& owner = loaded->clients[1];
  CHECK(owner == ClientRights{"owner_2", {{4}}, false, {"skin", "eye"}, true, 0});
  CHECK(owner.may_deploy("eye"));
  CHECK_FALSE(owner.may_deploy("lung"));
  CHECK(ClientRights{.name = {}, .pins = {}, .deploy = {"*"}}.may_deploy("lung"));
}

TEST_CASE("what is wrong with a client's table is told with its name") {
  check_one(good + "[clients.clinic]\npredict = true\n", 9, {"clients.clinic.pins is missing"});
  check_one(good + "[clients.clinic]\npins = \"" + third_pin + "\"\npredictt = true\n", 11,
            {"unknown key clients.clinic.predictt", "did you mean predict?"});
  check_one(good + "[clients.clinic]\npins = \"" + third_pin + "\"\npredict = 1\n", 11,
            {"clients.clinic.predict", "true or false"});
  check_one(good + "[clients.operator]\npins = \"" + third_pin + "\"\n", 9, {"clients.operator"});
  check_one("clients = 3\n" + good, 1, {"clients is a table"});
  check_one(good + "[clients]\nclinic = 3\n", 10, {"clients.clinic is a table"});
  check_one(good + "[clients.\"a b\"]\n", 9, {"a client's name"});
  check_one(good + "[clients.\"\\u001b[31m\"]\n", 9, {"a client's name"});
}

TEST_CASE("all problems are told at once, in the order of the file") {
  const auto loaded = parse_party(R"(role = "server1"
listen.clients = "127.0.0.1"
protocol = 3
[peers]
server0 = "8.8.8.8"
server1 = "127.0.0.1:1"
[link]
frame_bytes = 1
[typo]
key = 1
)",
                                  "broken.toml");
  REQUIRE_FALSE(loaded);
  std::vector<std::size_t> lines;
  for (const auto& p : loaded.error().list) lines.push_back(p.line);
  CHECK(lines == std::vector<std::size_t>{2, 3, 5, 6, 8, 10, 0, 0, 0, 0, 0});
  const auto text = loaded.error().text();
  CAPTURE(text);
  CHECK(std::ranges::count(text, '\n') == 11);
  CHECK(text.starts_with("broken.toml:2: listen.clients"));
  CHECK(text.find("broken.toml: data_dir is missing") != std::string::npos);
  CHECK(text.find("broken.toml: pins.crypto_producer is missing") != std::string::npos);
}

TEST_CASE("what is not TOML is refused with its line") {
  check_one(good + "this is not toml\n", 9, {"not TOML"});
  check_one(good + "server0 = \"127.0.0.1:7109\"\n", 9, {"not TOML", "server0"});
  check_one("a = \"\xff\xfe\"\n", 1, {"not TOML"});
  check_one("role = \"server0", 1, {"not TOML"});
  check_one(std::string(100'000, '['), 1, {"not TOML"});
}

TEST_CASE("letters beyond ASCII outside a string are refused with their line") {
  for (const char* letter : {"ä", "é", "Ω", "\u4e2d", "\u1234", "\u2100"}) {
    check_one(good + letter + " = 1\n", 9, {"this is not TOML"});
    check_one(good + "x = " + letter + "\n", 9, {"this is not TOML"});
  }
  CHECK(parse_party(replaced(good, "run/server1", "run/ärzte é中"), "party.toml")->data_dir == "run/ärzte é中");
}

TEST_CASE("a table without a name is refused with its line") {
  for (const char* table : {"[=]", "[ä]", "[.a]", "[[=]]", "[[ ä]]", "[ ]", "[#]"})
    check_one(good + table + "\n", 9, {"this is not TOML"});
}

TEST_CASE("control characters of a file do not reach the terminal") {
  const auto problems = problems_of("role = \"\\u001b[31mred\"\n");
  REQUIRE_FALSE(problems.empty());
  for (const auto& p : problems) CHECK(p.what.find('\x1b') == std::string::npos);
}

TEST_CASE("a key of very many parts is refused before it fills the stack") {
  std::string key = "a";
  for (unsigned i = 0; i < 20'000; ++i) key += ".a";
  check_one(key + " = 1\n" + good, 0, {"20011 dots", "1000"});
  std::string fewer = "a";
  for (unsigned i = 0; i < 900; ++i) fewer += ".a";
  check_one(good + "[x]\n" + fewer + " = 1\n", 10, {"unknown key x.a.a", "…"});
}

TEST_CASE("a long name is told shortly, and once for all keys of its table") {
  const std::string name(500'000, 'n');
  std::string keys;
  for (unsigned i = 0; i < 50'000; ++i) keys += 'k' + std::to_string(i) + "=1\n";
  const auto problems = problems_of(good + "[" + name + "]\n" + keys);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].what.size() < 200);
  check_one(good + "[log]\nlevel = \"" + name + "\"\n", 10, {"log.level = \"nnn", "…\" is none of"});
  // Cut between characters, not inside one.
  check_one(good + "x" + std::string(200, 'y') + " = 1\n", 9, {"unknown key"});
  std::string umlauts = "\"x";
  for (unsigned i = 0; i < 100; ++i) umlauts += "ä";
  check_one(good + umlauts + "\" = 1\n", 9, {"ää…"});
}

TEST_CASE("a file that cannot be read is an error with its name") {
  const TemporaryFolder folder;
  for (const auto& [path, words] :
       {std::pair{folder / "absent.toml", "no such file"}, std::pair{folder.path(), "not a file"}}) {
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
  CHECK(load_client(empty).error().list.size() == 7);
}
