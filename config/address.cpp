#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "config/keys.h"

namespace blindsight::config {

std::string to_string(const Address& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool is_loopback(const Address& address) {
  if (address.host == "localhost") return true;
  if (in_addr v4{}; inet_pton(AF_INET, address.host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  if (in6_addr v6{}; inet_pton(AF_INET6, address.host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return false;
}

bool parse_address(std::string_view text, Address& address) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto belongs = [bracketed](unsigned char c) {
    return bracketed ? std::isxdigit(c) || c == ':' || c == '.' : std::isalnum(c) || c == '.' || c == '-' || c == '_';
  };
  if (host.empty() || host.size() > 253 || !std::ranges::all_of(host, belongs)) return false;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number == 0) return false;
  address = {std::string(host), number};
  return true;
}

std::string_view name(Role role) {
  return role_names[static_cast<unsigned>(role)];
}

const Pins& RolePins::of(Role role) const {
  return role == Role::server0 ? server0 : role == Role::server1 ? server1 : crypto_producer;
}

Pins& RolePins::of(Role role) {
  return role == Role::server0 ? server0 : role == Role::server1 ? server1 : crypto_producer;
}

std::vector<Role> dialed_by(Role role) {
  if (role == Role::server1) return {Role::server0};
  if (role == Role::crypto_producer) return {Role::server0, Role::server1};
  return {};
}

std::string problem_of_client_name(std::string_view name) {
  constexpr std::size_t longest = 64;
  if (name.empty() || name.size() > longest ||
      !std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; }))
    return "a client's name is 1 to " + std::to_string(longest) + " letters, digits, - or _";
  if (name == operator_name) return "whoever has a party's own key is called so; choose another name";
  return {};
}

bool ClientRights::may_deploy(std::string_view model) const {
  return std::ranges::any_of(deploy, [&](const auto& allowed) { return allowed == "*" || allowed == model; });
}

std::optional<Address> PartyConfig::Peers::of(Role peer) const {
  return peer == Role::server0 ? server0 : peer == Role::server1 ? server1 : std::nullopt;
}

}  // namespace blindsight::config
