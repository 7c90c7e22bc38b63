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
  check_one(replaced(good, "127.0.0.1:7100", "7100"), 2, {"listen", "\"7100\"", "not an address"});
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
  check_one(replaced(good, "run/server0", "run\\u0000"), 3, {"data_dir", "a zero byte"});
  check_one("protocol = \"\"\n" + good, 1, {"protocol is empty"});
  CHECK(problems_of(good + "[preprocessing]\ndepth = 0\n").empty());
  CHECK(problems_of(good + "[preprocessing]\ndepth = 64\n").empty());
}

TEST_CASE("what is missing is named") {
  check_one(replaced(good, "role = \"server0\"", ""), 0, {"role is missing"});
  check_one(replaced(good, "listen = \"127.0.0.1:7100\"", ""), 0, {"listen is missing"});
  check_one(replaced(good, "data_dir = \"run/server0\"", ""), 0, {"data_dir is missing"});
  check_one(replaced(good, "server1 = \"127.0.0.1:7101\"", ""), 0, {"peers.server1 is missing", "host:port"});
  check_one(replaced(good, "\"127.0.0.1:7101\"", "\"\""), 5, {"peers.server1 is empty"});
  CHECK(problems_of("").size() == 3);
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
  CHECK(load_client(empty).error().list.size() == 3);
}
