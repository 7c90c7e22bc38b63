#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/core/party.h"
#include "protocol/core/result.h"
#include "wire/control.h"

/// What a party decides about its session with the two others, without connections, clock, threads or randomness.
namespace blindsight::actors::session {

using Time = std::chrono::steady_clock::time_point;
using protocol::PartyId;

/// When a peer counts as lost although its connection stands.
struct Heartbeat {
  std::chrono::milliseconds ping_interval{1000};
  std::chrono::milliseconds silence{5000};

  /// How often the machine needs a Tick, so that it is late by no more than that.
  std::chrono::milliseconds tick() const;
  /// A peer that has given no sign of life for so long gives way to another process of its role.
  std::chrono::milliseconds patience_with_a_second() const { return 2 * ping_interval; }
};

/// What happens to a party.
namespace event {

/// A process of that role is connected, has proved who it is and said a Hello that fits. `dialed`: by this party.
struct PeerHere {
  PartyId peer{};
  bool dialed = false;
};
/// The connection to a peer that is here broke, or it has broken the rules on it.
struct PeerLost {
  PartyId peer{};
  protocol::Error why;
};
/// A peer has ended the session, with the reason.
struct PeerEnded {
  protocol::Error why;
};
struct Confirmed {
  PartyId peer{};
  wire::Confirm confirm;
};
struct Pinged {
  PartyId peer{};
  std::uint64_t number = 0;
};
struct Ponged {
  PartyId peer{};
  std::uint64_t number = 0;
};
/// A peer has sent what belongs to a step: it lives, whatever its pong waits for on a slow line.
struct Heard {
  PartyId peer{};
};
/// This party has what it confirms, and has told the peers: in answer to Agree.
struct Prepared {
  wire::Confirm own;
  std::size_t layers = 0;  ///< that have to be set up; 0: nothing is served
};
struct LayerSetUp {};
/// This party ends the session. Unless it is a failure, the parties come back at once.
struct End {
  protocol::Error why;
  bool failure = true;
};
/// This party ends the session and begins none any more.
struct Stop {
  protocol::Error why;
};
/// Time has passed.
struct Tick {};

}  // namespace event

using Event =
    std::variant<event::PeerHere, event::PeerLost, event::PeerEnded, event::Confirmed, event::Pinged, event::Ponged,
                 event::Heard, event::Prepared, event::LayerSetUp, event::End, event::Stop, event::Tick>;

/// What the party has to do, in this order.
namespace action {

/// The peer is one of the session from now on.
struct Welcome {
  PartyId peer{};
};
/// Its place is taken.
struct TurnAway {
  PartyId peer{};
  protocol::Error why;
};
/// Both peers are here: agree on keys, prepare what is served, confirm; then Prepared, or End.
struct Agree {};
/// The session is of all three parties: set up what is served, if anything is; LayerSetUp for each layer.
struct Establish {};
/// Everything is set up.
struct Serve {};
struct SendPing {
  PartyId peer{};
  std::uint64_t number = 0;
};
struct SendPong {
  PartyId peer{};
  std::uint64_t number = 0;
};
/// The session, or the attempt at one, is over: tell the peers that are here, close their links, use nothing of it
/// again; fresh keys for the next. None of them is here any more.
struct EndSession {
  protocol::Error why;
  bool failure = true;
  bool was_established = false;
  unsigned failures = 0;  ///< in a row, without a session in between that was set up
};

}  // namespace action

using Action = std::variant<action::Welcome, action::TurnAway, action::Agree, action::Establish, action::Serve,
                            action::SendPing, action::SendPong, action::EndSession>;

///                 both peers      Prepared, and both       all layers
///                 are here        confirm the same         are set up
///   Gathering ───────────▶ Confirming ─────────▶ SettingUp ─────────▶ Serving
///     ▲ │                    │  │                  │                    │
///     │ │ a peer leaves      │  └───────▶ Idle     │                    │
///     │ │                    │ nothing is │        │                    │
///     │ ▼                    │ served     │        │                    │
///     └─┴────────────────────┴────────────┴────────┴────────────────────┘
///       EndSession: a link is lost; a peer says nothing for Heartbeat::silence, or gives way to another of its role; a
///       party ends the session, or breaks its rules
///
///   any ──Stop──▶ Ended
///
/// Peers are pinged from the moment they are here, in every state. Silence is measured over the time in which this
/// party itself ran: one that stood still and wakes accuses nobody.
class SessionMachine {
 public:
  SessionMachine(PartyId self, Heartbeat heartbeat, Time now);

  std::vector<Action> on(const Event& event, Time now);

  bool is_here(PartyId peer) const;
  /// Whether the session is of all three parties, if only to say what is missing.
  bool established() const;
  /// Whether keys are agreed, or are being agreed.
  bool both_here() const;

 private:
  struct Gathering {};
  struct Confirming {
    std::optional<event::Prepared> own = {};
  };
  struct SettingUp {
    std::size_t layers_left = 0;
  };
  struct Serving {};
  struct Idle {};
  struct Ended {};
  using State = std::variant<Gathering, Confirming, SettingUp, Serving, Idle, Ended>;

  struct Peer {
    Time alive;                          ///< when it last gave a sign of life
    Time pinged;                         ///< when it was last asked for one
    std::uint64_t pings = 0, pongs = 0;  ///< numbers of the last ones
    std::optional<wire::Confirm> confirm = {};
  };

  void take(const event::PeerHere& e, Time now);
  void take(const event::PeerLost& e, Time now);
  void take(const event::PeerEnded& e, Time now);
  void take(const event::Confirmed& e, Time now);
  void take(const event::Pinged& e, Time now);
  void take(const event::Ponged& e, Time now);
  void take(const event::Heard& e, Time now);
  void take(const event::Prepared& e, Time now);
  void take(const event::LayerSetUp& e, Time now);
  void take(const event::End& e, Time now);
  void take(const event::Stop& e, Time now);
  void take(const event::Tick& e, Time now);

  void establish_if_confirmed();
  void end(protocol::Error why, bool failure = true);
  std::string silence_of(PartyId peer, Time now) const;
  template <class S>
  bool in() const {
    return std::holds_alternative<S>(state_);
  }

  PartyId self_;
  Heartbeat heartbeat_;
  State state_;
  std::array<std::optional<Peer>, 3> peers_;  ///< by PartyId
  Time last_tick_;
  unsigned failures_ = 0;
  std::vector<Action> actions_;  ///< of the event that is being taken
};

}  // namespace blindsight::actors::session
