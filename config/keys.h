#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace blindsight::config {

/// How to reach one value of a configuration; the alternative is the key's type.
template <class Config>
using Field = std::variant<std::function<bool&(Config&)>, std::function<std::uint32_t&(Config&)>,
                           std::function<std::string&(Config&)>, std::function<std::filesystem::path&(Config&)>,
                           std::function<Role&(Config&)>, std::function<Address&(Config&)>,
                           std::function<std::optional<Address>&(Config&)>, std::function<Pins&(Config&)>,
                           std::function<std::vector<std::string>&(Config&)>>;

/// The declaration of one key: the only place where its unit, bounds and description stand. Its default is the field's
/// initial value.
template <class Config>
struct Key {
  /// With the names of its tables: "link.frame_bytes".
  std::string_view name;
  Field<Config> field;
  std::string_view description;
  std::string_view unit = "";
  bool required = false;
  /// Of an integer, both allowed.
  std::uint32_t smallest = 0, largest = std::numeric_limits<std::uint32_t>::max();
  /// Of a string; empty: any.
  std::span<const std::string_view> choices = std::span<const std::string_view>();
};

std::span<const Key<PartyConfig>> keys(const PartyConfig*);
std::span<const Key<ClientConfig>> keys(const ClientConfig*);
/// Of one table [clients.NAME].
std::span<const Key<ClientRights>> keys(const ClientRights*);

/// The table of a configuration's keys, in the order in which they are described.
template <class Config>
std::span<const Key<Config>> keys() {
  return keys(static_cast<const Config*>(nullptr));
}

inline constexpr std::string_view role_names[] = {"server0", "server1", "crypto_producer"};
inline constexpr std::string_view triples_choices[] = {"reused", "fresh"};
inline constexpr std::string_view randomness_choices[] = {"seeded", "sent"};
inline constexpr std::string_view log_levels[] = {"trace", "debug", "info", "warning", "error", "off"};

/// Reads "host:port"; false when it is not one.
bool parse_address(std::string_view text, Address& address);

/// What is wrong with how a client shall be called; empty when nothing is.
std::string problem_of_client_name(std::string_view name);

}  // namespace blindsight::config
