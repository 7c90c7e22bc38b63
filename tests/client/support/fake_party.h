#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "config/config.h"
#include "protocol/core/party.h"
#include "wire/control.h"
#include "wire/envelope.h"
#include "wire/tls.h"

namespace blindsight::tests {

/// A party as a client sees it: greets, and answers each message as a test says. Takes no frame that is larger than it
/// said. One thread.
class FakeParty {
 public:
  /// Payload of the largest frame that it takes.
  static constexpr std::uint32_t frame_bytes = 4096;
  /// What to send back at once; a test may keep the message and answer later by send().
  using Handler = std::function<std::vector<wire::Message>(const wire::Message&)>;

  /// By TLS with whom that context knows as a client; null: on plain links.
  FakeParty(protocol::PartyId role, Handler handler, std::shared_ptr<const wire::TlsContext> tls = nullptr);
  ~FakeParty();

  config::Address address() const { return address_; }
  /// Connections that were accepted.
  std::size_t connections() const { return connections_; }
  /// To every connection there is.
  void send(wire::Message message);
  /// From now on it reads, and says nothing by itself: no pong, no answer of the handler.
  void fall_silent() { silent_ = true; }
  /// Ends every connection there is; new ones are taken.
  void drop_connections();
  /// Messages of a kind that came.
  std::size_t received(wire::Kind kind) const;
  /// Who has proved to be at the other end of the last connection.
  std::optional<wire::Identity> last_client() const;

 private:
  struct Connection {
    int descriptor;
    std::unique_ptr<wire::Transport> transport;
    wire::Reader reader{{.frame_bytes = frame_bytes}};
  };
  void run();
  void read(Connection& connection);
  static void write(Connection& connection, wire::Message message);
  static void send_all(int descriptor, const std::vector<char>& bytes);

  const protocol::PartyId role_;
  Handler handler_;
  const std::shared_ptr<const wire::TlsContext> tls_;
  int listening_ = -1;
  config::Address address_;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<bool> ending_ = false, silent_ = false;
  mutable std::mutex mutex_;  ///< what follows
  std::list<Connection> open_;
  std::vector<wire::Kind> received_;
  std::optional<wire::Identity> last_client_;
  std::thread thread_;
};

}  // namespace blindsight::tests
