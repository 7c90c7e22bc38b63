#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace blindsight::protocol {

/// Who sends or receives. The data owner and the model owner are `client` to the protocol.
enum class PartyId : std::uint8_t { server0 = 0, server1 = 1, producer = 2, client = 3 };

constexpr bool is_server(PartyId p) {
  return p == PartyId::server0 || p == PartyId::server1;
}
/// The other of the two servers.
constexpr PartyId other(PartyId p) {
  return p == PartyId::server0 ? PartyId::server1 : PartyId::server0;
}

constexpr std::string_view name(PartyId p) {
  constexpr std::string_view names[] = {"server0", "server1", "producer", "client"};
  return names[static_cast<unsigned>(p)];
}

/// How a party is called in messages to a person.
inline std::string party_name(PartyId p) {
  return p == PartyId::producer ? "crypto producer" : std::string(name(p));
}

}  // namespace blindsight::protocol
