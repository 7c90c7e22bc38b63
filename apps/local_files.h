#pragma once

#include <array>
#include <filesystem>
#include <string>

namespace blindsight::apps {

/// Names of the parties' files and folders, in the order in which they stand in a deployment's tables.
inline constexpr std::array<const char*, 3> party_names = {"server0", "server1", "crypto_producer"};

/// Ports of three parties on this machine.
struct LocalPorts {
  std::array<std::uint16_t, 2> parties{7100, 7101};  ///< the servers' for parties
  std::array<std::uint16_t, 3> clients{7110, 7111, 7112};
  std::array<std::uint16_t, 3> metrics{9100, 9101, 9102};
};

/// Ports that nobody uses at this moment. A Failure when the machine has none.
LocalPorts free_ports();

/// Writes server0.toml, server1.toml, crypto_producer.toml and client.toml into `folder`, made if need be, and a key
/// for each; files and keys that are there already are kept. The client may do all. `more_keys`: lines for each party's
/// file.
void write_local_configs(const std::filesystem::path& folder, const LocalPorts& ports, const std::string& more_keys);

}  // namespace blindsight::apps
