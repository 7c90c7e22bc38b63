#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "config/config.h"
#include "net/lookup.h"
#include "protocol/core/result.h"

namespace blindsight::net {

/// Sockets that are ready to be handed to a broker or used as they are. The caller owns the descriptor.

/// Bound and listening; non-blocking. Port 0 takes a free one. The error names the address, and `key` as what to
/// change.
protocol::Result<int> listen_on(const config::Address& address, const char* key = "listen");
/// The port that a listening socket really has.
std::uint16_t bound_port(int descriptor);

/// Connected, non-blocking; gives up at the deadline or as soon as `cancelled` is set. Looking up the name takes half
/// of the time at most. Its addresses are tried one after another, each for an equal share of what is then left: one
/// that swallows what is sent to it costs its own share. The error tells what came of each.
protocol::Result<int> connect_to(const config::Address& address, std::chrono::milliseconds deadline,
                                 const std::atomic<bool>* cancelled = nullptr, const Lookup& lookup = look_up);

/// No delay for small frames; little unsent data inside the kernel, so that a lane's priority means something; a peer
/// that has silently gone is noticed within about ten seconds.
void tune_link(int descriptor);

/// Plain links stay on the machine: whoever reads the wire between the servers reads the image. `what` stands before
/// the address in the error.
protocol::Result<void> check_loopback(const config::Address& address, const char* what);

}  // namespace blindsight::net
