#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/link/parcel.h"
#include "protocol/core/party.h"
#include "wire/envelope.h"
#include "wire/tls.h"

/// What links and their owners say to each other.
namespace blindsight::actors {

/// To a link: queue this message.
struct Send {
  Parcel<wire::Message> message;
};

/// From a link to whoever its routes name: a message has arrived.
struct Arrived {
  protocol::PartyId from = protocol::PartyId::client;  ///< as the routes say
  caf::actor link;
  Parcel<wire::Message> message;
  /// Who asks, on a client's link.
  std::shared_ptr<const wire::Identity> client = nullptr;
};

/// From a link, once: the connection is gone.
struct LinkDown {
  caf::actor link;
  protocol::Error error;
};

/// To a link: where arriving messages go from now on. Until then all go to the owner.
struct Routes {
  protocol::PartyId peer = protocol::PartyId::client;
  std::string name;                              ///< of the peer, for a person
  std::shared_ptr<const wire::Identity> client;  ///< who asks, on a client's link
  std::uint64_t session = 0;                     ///< the only session whose step and session messages are taken
  protocol::ModelNumber model = 0;               ///< the only model whose step messages are taken
  caf::actor control;                            ///< everything that is not named below
  caf::actor queries, packs;                     ///< query_* ; want, deal_begins, pack_ready
  std::vector<caf::actor> layers;                ///< set_up, deal, online, by the value that they make
  caf::actor drain_watcher;                      ///< is told Drained for the preprocessing lane
  std::size_t frame_bytes = 0;                   ///< payload of the largest frame that both ends take
  std::size_t message_bytes = 0;                 ///< payload of the largest message that is taken
  std::size_t open_messages = 4096;              ///< messages under way at once
  std::uint64_t unread_bytes = 0;                ///< a peer that lets more wait for it is cut off; 0: no bound
  /// Whether, and how often at most, `control` is told Heard; 0: never.
  std::chrono::milliseconds life_told_every{0};
};

/// From a link to its drain watcher: so many payload bytes of the preprocessing lane have gone to the operating system.
struct Drained {
  protocol::PartyId to = protocol::PartyId::client;
  std::uint64_t bytes = 0;
};

/// From a link to its `control`: frames of steps have come from the other end.
struct Heard {
  caf::actor link;
};

/// To a link: send what is queued, then close.
struct CloseLink {};

/// Which of a party's two listeners.
enum class Door : std::uint8_t { parties, clients };
constexpr std::string_view name(Door door) {
  return door == Door::parties ? "parties" : "clients";
}

/// From a link that was accepted, when it is known who is at the other end; not before.
struct Accepted {
  Door door = Door::parties;
  caf::actor link;
  std::string address;
  std::optional<wire::Identity> identity;  ///< none on a plain link
};

/// From a link that was accepted: it ended before it was known who is at the other end. From a listener, with
/// Fault::busy: so many connections were closed at once, because there were too many.
struct HandshakeFailed {
  Door door = Door::parties;
  std::string address;  ///< of the last one
  protocol::Error error;
  std::uint64_t connections = 1;
};

/// From a link to the listener that it is of: its handshake is over, with whatever outcome.
struct HandshakeOver {
  caf::actor link;
};

/// To a listener: whom links that are accepted from now on may be with. To a link: whom it may be with; it ends when it
/// is with another.
struct NewIdentities {
  std::shared_ptr<const wire::TlsContext> tls;
};

/// To a dialer: try once.
struct Dial {};

/// From a dialer. `descriptor` < 0: it failed, with the reason.
struct Dialed {
  protocol::PartyId peer = protocol::PartyId::client;
  int descriptor = -1;
  protocol::Error error;
};

}  // namespace blindsight::actors

/// Messages between actors of one party hold pointers and handles: none of them can leave the process.
#define BLINDSIGHT_LOCAL_MESSAGE(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(blindsight::actors::type)
BLINDSIGHT_LOCAL_MESSAGE(Send)
BLINDSIGHT_LOCAL_MESSAGE(Arrived)
BLINDSIGHT_LOCAL_MESSAGE(LinkDown)
BLINDSIGHT_LOCAL_MESSAGE(Routes)
BLINDSIGHT_LOCAL_MESSAGE(Drained)
BLINDSIGHT_LOCAL_MESSAGE(Heard)
BLINDSIGHT_LOCAL_MESSAGE(CloseLink)
BLINDSIGHT_LOCAL_MESSAGE(Accepted)
BLINDSIGHT_LOCAL_MESSAGE(HandshakeFailed)
BLINDSIGHT_LOCAL_MESSAGE(HandshakeOver)
BLINDSIGHT_LOCAL_MESSAGE(NewIdentities)
BLINDSIGHT_LOCAL_MESSAGE(Dial)
BLINDSIGHT_LOCAL_MESSAGE(Dialed)
