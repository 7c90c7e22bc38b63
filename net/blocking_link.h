#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "config/config.h"
#include "protocol/core/result.h"
#include "wire/tls.h"

namespace blindsight::net {

/// A connection for one who has time: each call waits. For probes and tests; links of parties and clients never wait.
class BlockingLink {
 public:
  /// Connects and shakes hands; `tls` null: a plain link. That a handshake succeeds here says who is there; whether the
  /// other end takes this one's key is only told by what it sends next.
  static protocol::Result<BlockingLink> connect(const config::Address& address,
                                                const std::shared_ptr<const wire::TlsContext>& tls,
                                                const wire::Admission& admission, std::chrono::milliseconds patience);
  BlockingLink(BlockingLink&& other) noexcept;
  BlockingLink& operator=(BlockingLink&&) = delete;
  ~BlockingLink();

  protocol::Result<void> send(std::span<const char> plain);
  /// At least one plain byte. The errors: timed_out after `patience`; peer_lost when the other end has closed; what it
  /// gave as the reason.
  protocol::Result<std::vector<char>> receive(std::chrono::milliseconds patience);

  const wire::Transport& transport() const { return *transport_; }

 private:
  BlockingLink(int descriptor, std::unique_ptr<wire::Transport> transport);
  protocol::Result<void> write(std::span<const char> bytes);

  int descriptor_;
  std::unique_ptr<wire::Transport> transport_;
};

}  // namespace blindsight::net
