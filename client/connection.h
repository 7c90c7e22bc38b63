#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "protocol/core/result.h"
#include "wire/control.h"
#include "wire/envelope.h"

namespace blindsight::client {

/// A client's blocking connection to one party, Hello already exchanged. Errors begin with the party's name.
class Connection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  static protocol::Result<Connection> open(const config::Address& address, protocol::PartyId party,
                                           const config::ClientConfig& config);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  int descriptor() const { return descriptor_; }

  protocol::Result<void> send(wire::Kind kind, protocol::Payload payload, Deadline deadline, std::uint16_t layer = 0);
  /// The next message; a failure or refuse message is an error with its reason.
  protocol::Result<wire::Message> receive(Deadline deadline);
  /// As receive(), but none when nothing is there yet.
  protocol::Result<std::optional<wire::Message>> receive_what_is_there();
  /// Sends and receives; the error names what came instead of `expected`.
  protocol::Result<wire::Message> request(wire::Kind kind, protocol::Payload payload, wire::Kind expected,
                                          Deadline deadline, std::uint16_t layer = 0);

  /// "server0 (127.0.0.1:7100)"
  std::string name() const;

 private:
  Connection(int descriptor, protocol::PartyId party, config::Address address, std::size_t frame_bytes,
             std::chrono::milliseconds connect_timeout);
  protocol::Result<void> shake_hands(std::uint32_t frame_bytes);
  protocol::Result<std::optional<wire::Message>> next_message();

  int descriptor_;
  protocol::PartyId party_;
  config::Address address_;
  std::size_t frame_bytes_;
  std::chrono::milliseconds greeting_patience_;
  wire::Reader reader_;
  std::vector<wire::Message> arrived_;
  std::uint32_t numbers_ = 0;
};

}  // namespace blindsight::client
