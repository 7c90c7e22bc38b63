#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
#include "protocol/core/result.h"

namespace blindsight::net {

/// One of the addresses that a host name stands for, with the port.
struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;

  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&address); }
  /// Without the port, as numbers.
  std::string host() const;
};

using Endpoints = std::vector<Endpoint>;
/// What a name stands for, in the order in which they are to be tried; takes as long as it takes.
using Lookup = std::function<protocol::Result<Endpoints>(const config::Address&)>;

/// Asks the system: files, then name servers. `Fault::usage` when there is no such name.
protocol::Result<Endpoints> look_up(const config::Address& address);
/// The same for what is to be listened on: without a host, every address of this machine.
protocol::Result<Endpoints> look_up_to_listen(const config::Address& address);

/// An address in numbers at once, for another one asks `lookup`. Gives up, `Fault::peer_lost`, at `until` or as soon as
/// `cancelled` (may be null) is set. The system's look-up cannot be called off: it goes on in a thread of its own that
/// owns all it uses. Only so many are left behind at a time; with that many a further one is refused at once.
protocol::Result<Endpoints> look_up_until(const Lookup& lookup, const config::Address& address,
                                          std::chrono::steady_clock::time_point until,
                                          const std::atomic<bool>* cancelled);

}  // namespace blindsight::net
