#pragma once

#include <array>
#include <filesystem>
#include <string>

namespace blindsight::apps {

/// Names of the parties' files and folders, in the order in which they stand in a deployment's tables.
inline constexpr std::array<const char*, 3> party_names = {"server0", "server1", "crypto_producer"};

/// Ports of three parties on this machine.
struct LocalPorts {
  std::array<std::uint16_t, 3> parties{7100, 7101, 7102};
  std::array<std::uint16_t, 3> metrics{9100, 9101, 9102};
};

/// Six ports that nobody uses at this moment. A Failure when the machine has none.
LocalPorts free_ports();

/// Writes server0.toml, server1.toml, crypto_producer.toml and client.toml into `folder`, made if need be; files that
/// are there already are kept.
/// `more_keys`: lines for each party's file.
void write_local_configs(const std::filesystem::path& folder, const LocalPorts& ports, const std::string& more_keys);

}  // namespace blindsight::apps
