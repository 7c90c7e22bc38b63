// The configuration files of parties and clients, from text.
#include <vector>

#include "config/config.h"
#include "tests/fuzz/property.h"

namespace blindsight::fuzz {
namespace {

using config::Loaded;

template <class Config>
void check(const Loaded<Config>& loaded, std::string_view key_table) {
  if (loaded) return;
  property(!loaded.error().list.empty(), "a refused file has a problem", key_table);
  std::size_t lines = 0;
  for (const auto& problem : loaded.error().list) {
    refusal_is_readable(problem.what);
    ++lines;
  }
  const std::string text = loaded.error().text();
  property(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == lines, "a problem is one line",
           text);
}

/// Values that keys have, and others.
constexpr std::string_view values[] = {"true",
                                       "false",
                                       "0",
                                       "1",
                                       "4096",
                                       "-1",
                                       "4294967296",
                                       "9223372036854775807",
                                       "1.5",
                                       "\"\"",
                                       "\"blink\"",
                                       "\"server0\"",
                                       "\"server1\"",
                                       "\"crypto_producer\"",
                                       "\"reused\"",
                                       "\"sent\"",
                                       "\"debug\"",
                                       "\"127.0.0.1:7000\"",
                                       "\"[::1]:7001\"",
                                       "\"a:65536\"",
                                       "\"\\u0000\"",
                                       "\"\\u001b[2J\"",
                                       "\"/tmp/x\"",
                                       "[]",
                                       "{}",
                                       "[[1]]",
                                       "{a = {b = 1}}",
                                       "1979-05-27T07:32:00Z",
                                       "nan",
                                       "'''\n'''",
                                       "{server0 = \"h:1\"}"};

/// A whole file: every key once, each with a value that is good for one key at least.
std::string whole_file(const std::vector<config::KeyDescription>& keys, Random& random) {
  std::string text;
  for (const auto& key : keys) text += key.key + " = " + std::string(pick(values, random)) + "\n";
  return text;
}

std::string party_file(Random& random) {
  constexpr std::string_view roles[] = {"server0", "server1", "crypto_producer"};
  const auto self = random() % 3;
  std::string text = "role = \"" + std::string(roles[self]) +
                     "\"\nlisten = \"127.0.0.1:7000\"\ndata_dir = \"data\"\ninsecure_plaintext_links = true\n[peers]\n";
  for (unsigned i = 0; i < 3; ++i)
    if (i != self) text += std::string(roles[i]) + " = \"127.0.0.1:" + std::to_string(7001 + i) + "\"\n";
  return text;
}

std::string client_file() {
  return "server0 = \"127.0.0.1:7000\"\nserver1 = \"127.0.0.1:7001\"\ncrypto_producer = \"127.0.0.1:7002\"\n"
         "insecure_plaintext_links = true\n[model]\nplan = \"skin.plan\"\n";
}

std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t most, Random& random) {
  static const auto party = config::party_keys(), client = config::client_keys();
  const auto& keys = random() % 3 == 0 ? client : party;
  std::string text(reinterpret_cast<const char*>(data), size);
  switch (random() % 8) {
    case 0:
      text = random() % 2 == 0 ? party_file(random) : random() % 2 == 0 ? client_file() : whole_file(keys, random);
      break;
    case 1:
    case 2: {  // a key with a value, where a line begins
      const std::size_t end = text.find('\n', text.empty() ? 0 : random() % text.size());
      text.insert(end == std::string::npos ? text.size() : end + 1,
                  "\n" + pick(keys, random).key + " = " + std::string(pick(values, random)) + "\n");
      break;
    }
    case 3: {  // a table
      const std::string& key = pick(keys, random).key;
      text += "\n[" + key.substr(0, key.find('.')) + "]\n";
      break;
    }
    case 4: {  // a piece again and again: deep nests, long names
      if (text.empty()) break;
      const std::size_t begin = random() % text.size();
      const std::string piece = text.substr(begin, 1 + random() % 8);
      std::string many;
      for (std::size_t n = 1 + random() % 2000; n > 0; --n) many += piece;
      text.insert(begin, many);
      break;
    }
    default:
      return LLVMFuzzerMutate(data, size, most);
  }
  return put(text, data, most);
}

}  // namespace
}  // namespace blindsight::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindsight;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto party = config::parse_party(text, "fuzz.toml");
  fuzz::check(party, "party");
  if (party) {
    config::PartyConfig another = *party;
    another.role = party->role == config::Role::server0 ? config::Role::server1 : config::Role::server0;
    for (const auto& what : config::check_together(std::vector{*party, another})) fuzz::refusal_is_readable(what);
    const auto again = config::parse_party(text, "fuzz.toml");
    fuzz::property(again.has_value() && *again == *party, "the same text is the same configuration");
  }
  fuzz::check(config::parse_client(text, "fuzz.toml"), "client");
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  blindsight::fuzz::Random random(seed);
  random.discard(1);
  return blindsight::fuzz::mutate(data, size, most, random);
}
