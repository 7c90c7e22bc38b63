#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "config/config.h"
#include "net/key_file.h"

namespace blindsight::tests {

/// A new key file; the fingerprint of its key.
inline config::Fingerprint new_key(const std::filesystem::path& file) {
  const auto made = wire::Credentials::generate("test", std::chrono::system_clock::now());
  if (auto written = net::write_new_key(file, made); !written) throw std::runtime_error(written.error().what);
  return made.fingerprint();
}

/// Gives three parties and a client keys of their own in a folder, and lets them know one another: the client may do
/// all.
inline void give_keys(const std::filesystem::path& folder, std::array<config::PartyConfig, 3>& parties,
                      config::ClientConfig& client) {
  client.key = folder / "client.key";
  const auto of_client = new_key(client.key);
  std::array<config::Fingerprint, 3> pins;
  for (std::size_t i = 0; i < 3; ++i) {
    parties[i].key = folder / (std::string(config::name(parties[i].role)) + ".key");
    pins[i] = new_key(parties[i].key);
  }
  client.pins = {{pins[0]}, {pins[1]}, {pins[2]}};
  for (std::size_t i = 0; i < 3; ++i) {
    auto& party = parties[i];
    party.pins = client.pins;
    (i == 0 ? party.pins.server0 : i == 1 ? party.pins.server1 : party.pins.crypto_producer).clear();
    party.clients = {{.name = "client", .pins = {of_client}, .predict = true, .deploy = {"*"}, .status = true}};
  }
}

}  // namespace blindsight::tests
