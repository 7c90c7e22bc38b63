#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <chrono>
#include <string>

#include "actors/link/messages.h"
#include "config/config.h"
#include "monitoring/probes.h"
#include "protocol/core/party.h"
#include "wire/envelope.h"
#include "wire/tls.h"

namespace blindsight::actors {

/// What a link needs to know from the start.
struct LinkSettings {
  config::LinkConfig config;
  bool priorities = true;
  /// Before Hello a stranger may send frames and messages of this size only.
  wire::ReaderLimits strangers{4096, 64 * 1024, 4};
  monitoring::Registry* registry = nullptr;
  std::shared_ptr<const wire::TlsContext> tls;  ///< null: plain, by consent
  wire::Admission admission;                    ///< whom the link may be with
  /// So long the other end may take to prove who it is.
  std::chrono::milliseconds handshake_patience{5000};
};

struct ListenerSettings {
  Door door = Door::parties;
  LinkSettings link;
  /// What strangers may cost: handshakes that are begun in a second (one is about a millisecond of the thread that
  /// carries all links), and connections whose handshake is under way. What comes faster is closed at once, and the
  /// owner told now and then (HandshakeFailed); of more under way the oldest gives way, so that silent ones keep nobody
  /// out.
  std::size_t most_half_open = 64;
  std::uint32_t handshakes_per_second = 50;
  /// A flood costs the owner one message in this time.
  std::chrono::milliseconds turned_away_told_every{1000};
};

/// A link is one live connection: a broker that turns messages into frames and back. It dies with the connection, after
/// it has told LinkDown to its owner; connecting again makes a new link. Of a link that was accepted its owner first
/// hears when the other end has proved who it is (Accepted), or has not (HandshakeFailed); on a link that it has itself
/// connected, what it sends waits until then.
///
///   Routes  → takes messages of the named session and sends each to the actor it is for
///   Send    → queued in the outbox; at most `credit_bytes` are handed to the operating system's side at once
///   CloseLink → drains, then closes

/// Takes over a connected descriptor.
caf::actor spawn_link(caf::actor_system& system, int descriptor, const LinkSettings& settings, const caf::actor& owner);

/// Takes over a listening descriptor; its links tell `owner` Accepted. Ends on CloseLink, and with it the links whose
/// handshake is under way.
caf::actor spawn_listener(caf::actor_system& system, int descriptor, const ListenerSettings& settings,
                          const caf::actor& owner);

}  // namespace blindsight::actors
