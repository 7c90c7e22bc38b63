#include "config/validate.h"

#include <algorithm>
#include <utility>

namespace blindsight::config {
namespace {

constexpr Role all_roles[] = {Role::server0, Role::server1, Role::crypto_producer};

bool is_wildcard(const Address& a) {
  return a.host == "0.0.0.0" || a.host == "::";
}

/// Whether both could not be bound, or one of them would reach the other.
bool collide(const Address& a, const Address& b) {
  if (a.port != b.port) return false;
  const auto here = [](const Address& x) { return is_wildcard(x) || is_loopback(x); };
  return a.host == b.host ||
         (here(a) && here(b) && (is_wildcard(a) || is_wildcard(b) || a.host == "localhost" || b.host == "localhost"));
}

struct Place {
  std::string key;
  Address address;
  std::size_t line;
};

std::size_t line_of(const Lines& lines, std::string_view key) {
  const auto found = lines.find(key);
  return found == lines.end() ? 0 : found->second;
}

void check_loopback(const Place& place, std::vector<Problem>& problems) {
  if (is_loopback(place.address)) return;
  problems.push_back(
      {place.line,
       place.key + " = \"" + to_string(place.address) +
           "\" leaves this machine, and insecure_plaintext_links = true encrypts nothing. Use a loopback address such "
           "as 127.0.0.1, or leave insecure_plaintext_links out: links are then encrypted"});
}

/// `first` and `second` in the order of the file.
void check_distinct(Place first, Place second, std::vector<Problem>& problems) {
  if (!collide(first.address, second.address)) return;
  if (second.line < first.line) std::swap(first, second);
  problems.push_back({second.line, second.key + " = \"" + to_string(second.address) + "\" is the same as " + first.key +
                                       " in line " + std::to_string(first.line) + ": give each its own port"});
}

void check_all(const std::vector<Place>& places, std::vector<Problem>& problems) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) check_distinct(places[j], places[i], problems);
  }
}

struct Pinned {
  std::string key;
  Fingerprint pin;
  std::size_t line;
};

std::vector<Pinned> pins_of_roles(const RolePins& pins, const Lines& lines) {
  std::vector<Pinned> all;
  for (const Role role : all_roles) {
    const std::string key = "pins." + std::string(name(role));
    for (const auto& pin : pins.of(role)) all.push_back({key, pin, line_of(lines, key)});
  }
  return all;
}

/// A key decides who somebody is: it can stand for one only.
void check_pins(const std::vector<Pinned>& all, std::vector<Problem>& problems) {
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (all[i].pin == all[j].pin && all[i].key != all[j].key)
        problems.push_back({std::max(all[i].line, all[j].line),
                            all[i].key + " and " + all[j].key +
                                " have the same pin: each needs a key of its own, made on its own machine"});
}

void check_link(const LinkConfig& link, const Lines& lines, std::vector<Problem>& problems) {
  const auto line = [&](std::string_view a, std::string_view b) {
    return std::max(line_of(lines, a), line_of(lines, b));
  };
  if (link.credit_bytes < link.frame_bytes) {
    problems.push_back({line("link.credit_bytes", "link.frame_bytes"),
                        "link.credit_bytes = " + std::to_string(link.credit_bytes) +
                            " is less than link.frame_bytes = " + std::to_string(link.frame_bytes) +
                            ": no frame could ever leave. Make it at least as large"});
  }
  if (link.reconnect_max_ms < link.reconnect_min_ms) {
    problems.push_back({line("link.reconnect_max_ms", "link.reconnect_min_ms"),
                        "link.reconnect_max_ms = " + std::to_string(link.reconnect_max_ms) +
                            " is less than link.reconnect_min_ms = " + std::to_string(link.reconnect_min_ms) +
                            ": make it at least as large"});
  }
  if (link.silence_ms < 3 * std::uint64_t{link.ping_interval_ms}) {
    problems.push_back(
        {line("link.silence_ms", "link.ping_interval_ms"),
         "link.silence_ms = " + std::to_string(link.silence_ms) + " is less than three times link.ping_interval_ms = " +
             std::to_string(link.ping_interval_ms) + ": one late answer would end the session. Make it longer"});
  }
}

/// All that a party binds.
std::vector<std::pair<std::string, Address>> places_of(const PartyConfig& party) {
  std::vector<std::pair<std::string, Address>> places{{"listen.clients", party.listen.clients}};
  if (party.listen.parties) places.emplace_back("listen.parties", *party.listen.parties);
  if (party.metrics.listen) places.emplace_back("metrics.listen", *party.metrics.listen);
  return places;
}

}  // namespace

std::vector<Problem> validate(const PartyConfig& config, const Lines& lines) {
  std::vector<Problem> problems;
  std::vector<Place> places;
  if (const auto line = line_of(lines, "listen.parties"); line && config.listen.parties)
    places.push_back({"listen.parties", *config.listen.parties, line});
  if (const auto line = line_of(lines, "listen.clients"))
    places.push_back({"listen.clients", config.listen.clients, line});

  const bool role_is_known = line_of(lines, "role") != 0;
  for (Role peer : all_roles) {
    const std::string key = "peers." + std::string(name(peer));
    const auto line = line_of(lines, key);
    if (role_is_known && peer == config.role) {
      if (line) {
        problems.push_back({line, key + " names this party itself (role = \"" + std::string(name(peer)) +
                                      "\"): two parties cannot have the same role. Remove it, or mend the role"});
      }
    } else if (line && config.peers.of(peer)) {
      places.push_back({key, *config.peers.of(peer), line});
    }
  }

  const std::string own_pin = "pins." + std::string(name(config.role));
  if (const auto line = line_of(lines, own_pin); role_is_known && line)
    problems.push_back({line, own_pin + " is this party's own: the file holds the pins of the others. Remove it"});

  if (config.insecure_plaintext_links) {
    for (const auto& place : places) check_loopback(place, problems);
  }
  if (const auto line = line_of(lines, "metrics.listen"); line && config.metrics.listen) {
    places.push_back({"metrics.listen", *config.metrics.listen, line});
  }
  check_all(places, problems);
  check_link(config.link, lines, problems);
  auto pinned = pins_of_roles(config.pins, lines);
  for (const auto& client : config.clients)
    for (const auto& pin : client.pins)
      pinned.push_back({"clients." + client.name, pin, line_of(lines, "clients." + client.name)});
  check_pins(pinned, problems);
  return problems;
}

std::vector<Problem> validate(const ClientConfig& config, const Lines& lines) {
  std::vector<Problem> problems;
  std::vector<Place> places;
  const std::pair<std::string_view, const Address&> servers[] = {
      {"server0", config.server0}, {"server1", config.server1}, {"crypto_producer", config.crypto_producer}};
  for (const auto& [key, address] : servers) {
    if (const auto line = line_of(lines, key)) places.push_back({std::string(key), address, line});
  }
  if (config.insecure_plaintext_links) {
    for (const auto& place : places) check_loopback(place, problems);
  }
  check_all(places, problems);
  check_pins(pins_of_roles(config.pins, lines), problems);
  return problems;
}

std::vector<std::string> check_together(std::span<const PartyConfig> parties) {
  std::vector<std::string> problems;
  const auto role = [](const PartyConfig& c) { return std::string(name(c.role)); };
  for (Role wanted : all_roles) {
    const auto count = std::ranges::count(parties, wanted, &PartyConfig::role);
    if (count != 1) {
      problems.push_back((count ? std::to_string(count) + " files have" : std::string("no file has")) + " role = \"" +
                         std::string(name(wanted)) + "\": exactly one must");
    }
  }
  for (std::size_t i = 0; i < parties.size(); ++i) {
    const auto& a = parties[i];
    for (std::size_t j = 0; j < parties.size(); ++j) {
      const auto& b = parties[j];
      if (i == j) continue;
      if (const auto& peer = a.peers.of(b.role);
          peer && b.listen.parties && a.role != b.role && !collide(*peer, *b.listen.parties)) {
        problems.push_back(role(a) + " expects " + role(b) + " at " + to_string(*peer) + ", but that one listens at " +
                           to_string(*b.listen.parties));
      }
      if (j < i) continue;
      if (a.protocol != b.protocol) {
        problems.push_back(role(a) + " runs protocol " + a.protocol + " and " + role(b) + " runs " + b.protocol +
                           ": use the same");
      }
      const auto differ = [&](const char* key, const std::string& mine, const std::string& other) {
        if (mine != other)
          problems.push_back(role(a) + " has " + key + " = \"" + mine + "\" and " + role(b) + " has " + key + " = \"" +
                             other + "\": use the same");
      };
      differ("triples", a.triples, b.triples);
      differ("randomness", a.randomness, b.randomness);
      if (a.data_dir.lexically_normal() == b.data_dir.lexically_normal()) {
        problems.push_back(role(a) + " and " + role(b) + " have the same data_dir = \"" + a.data_dir.string() +
                           "\": whoever reads both shares knows the weights");
      }
      for (const auto& [key, mine] : places_of(a))
        for (const auto& [other_key, other] : places_of(b))
          if (collide(mine, other))
            problems.push_back(role(a) + " (" + key + ") and " + role(b) + " (" + other_key + ") share the address " +
                               to_string(other));
      if (a.insecure_plaintext_links != b.insecure_plaintext_links)
        problems.push_back(role(a) + " and " + role(b) +
                           " do not agree on insecure_plaintext_links: leave it out of both");
    }
  }
  return problems;
}

}  // namespace blindsight::config
