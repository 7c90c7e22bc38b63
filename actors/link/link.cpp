#include "actors/link/link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/network/native_socket.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "actors/link/messages.h"
#include "net/allowance.h"
#include "net/socket.h"
#include "wire/outbox.h"

namespace blindsight::actors {
namespace {

using caf::io::connection_handle;
using protocol::Fault;
using wire::Kind;
using wire::Lane;

/// A closing link may take this long to drain.
constexpr std::chrono::seconds drain_patience{2};
/// What tells the other end why its handshake failed has so long to arrive.
constexpr std::chrono::milliseconds last_words{200};
using DrainDeadline = caf::atom_constant<caf::atom("drained?")>;
/// CAF 0.17 leaks a socket that is closed in the very round of the event loop that added it. A message that goes by way
/// of the clock arrives in a later round.
using CloseNow = caf::atom_constant<caf::atom("close-now")>;
using HandshakeDeadline = caf::atom_constant<caf::atom("greeted?")>;
using EndNow = caf::atom_constant<caf::atom("end-now")>;
/// From a listener to a link whose handshake is under way for longer than that of any other.
using GiveWay = caf::atom_constant<caf::atom("give-way")>;
constexpr std::chrono::milliseconds a_round_later{1};
/// Connections beyond the budget are closed together, so often.
constexpr std::chrono::milliseconds unwanted_stay{20};

static_assert(static_cast<int>(monitoring::Lane::control) == static_cast<int>(Lane::control) &&
              static_cast<int>(monitoring::Lane::online) == static_cast<int>(Lane::online) &&
              static_cast<int>(monitoring::Lane::preprocessing) == static_cast<int>(Lane::preprocessing));

/// What is counted of the link to one peer in one lane.
struct LinkProbes {
  monitoring::Counter sent_bytes, received_bytes, sent_frames, received_frames;
  monitoring::Gauge queue_bytes;
};

LinkProbes link_probes(monitoring::Registry& registry, std::string_view peer, monitoring::Lane lane) {
  namespace metrics = monitoring::metrics;
  return {.sent_bytes = registry.probe<metrics::link_sent_bytes>(peer, lane),
          .received_bytes = registry.probe<metrics::link_received_bytes>(peer, lane),
          .sent_frames = registry.probe<metrics::link_sent_frames>(peer, lane),
          .received_frames = registry.probe<metrics::link_received_frames>(peer, lane),
          .queue_bytes = registry.probe<metrics::link_queue_bytes>(peer, lane)};
}

/// Where a link that was accepted came in.
struct Entrance {
  Door door = Door::parties;
  caf::actor listener;
  std::string address;
};

struct LinkState {
  static inline const char* name = "link";

  LinkSettings settings;
  caf::actor owner;
  connection_handle handle;
  int descriptor = -1;
  std::optional<Entrance> entrance;  ///< until the owner has heard of the link
  std::unique_ptr<wire::Transport> transport;
  std::optional<Routes> routes;
  std::size_t frame_bytes = 0;
  wire::Outbox outbox{true};
  wire::Reader reader{{}};
  std::uint64_t outstanding = 0;  ///< bytes in the broker's write buffers
  bool closing = false, down = false;
  std::array<LinkProbes, 3> probes;
  std::chrono::steady_clock::time_point life_told{};
};

using LinkBroker = caf::stateful_actor<LinkState, caf::io::broker>;

/// Without a sender: a broker that has ended in the meantime would keep itself alive through a message of its own in
/// its mailbox.
template <class... Words>
void tell_later(caf::io::broker* self, std::chrono::milliseconds delay, Words... words) {
  caf::delayed_anon_send(caf::actor_cast<caf::actor>(self), delay, words...);
}

void close_now(LinkBroker* self) {
  auto& s = self->state;
  // Both directions at once: a peer that does not answer must not keep the descriptor alive.
  ::shutdown(s.descriptor, SHUT_RDWR);
  self->close(s.handle);
  self->quit();
}

/// Tells whoever knows of the link, and closes it: at once, or when the other end has had time to read why.
void end(LinkBroker* self, protocol::Error error, bool tell_other_end = false) {
  auto& s = self->state;
  if (s.down) return;
  s.down = true;
  for (const auto& probes : s.probes) probes.queue_bytes.set(0);
  if (s.entrance) {
    self->send(s.entrance->listener, HandshakeOver{self});
    self->send(s.owner, HandshakeFailed{s.entrance->door, s.entrance->address, std::move(error)});
    s.entrance.reset();
  } else {
    self->send(s.owner, LinkDown{self, std::move(error)});
  }
  if (!tell_other_end) return close_now(self);
  self->flush(s.handle);
  tell_later(self, last_words, EndNow::value);
}

void end(LinkBroker* self, protocol::Fault fault, const std::string& reason) {
  end(self, {fault, reason});
}

/// Hands over frames while the lane of the first one has credit: a bulk frame waits for the buffer to be nearly empty,
/// so that an urgent message that comes in the meantime finds at most two of them ahead.
void pump(LinkBroker* self) {
  auto& s = self->state;
  if (s.down || !s.transport->established()) return;
  bool wrote = false;
  while (!s.outbox.empty()) {
    const bool only_bulk = s.outbox.front_lane() == Lane::preprocessing;
    const std::uint64_t credit =
        only_bulk ? 2 * s.frame_bytes : std::max<std::uint64_t>(s.settings.config.credit_bytes, 2 * s.frame_bytes);
    if (s.outstanding >= credit) break;
    auto& out = self->wr_buf(s.handle);
    const auto before = out.size();
    const auto frame = s.outbox.append_frame(s.frame_bytes, s.transport->to_seal(out));
    if (auto sealed = s.transport->seal(out); !sealed) return end(self, sealed.error());
    s.outstanding += out.size() - before;
    wrote = true;
    const auto& probes = s.probes[static_cast<std::size_t>(frame.lane)];
    probes.sent_bytes.add(static_cast<double>(frame.frame_bytes));
    probes.sent_frames.add();
    probes.queue_bytes.set(static_cast<double>(s.outbox.queued_bytes(frame.lane)));
    if (frame.lane == Lane::preprocessing && s.routes && s.routes->drain_watcher)
      self->send(s.routes->drain_watcher, Drained{s.routes->peer, frame.payload_bytes});
  }
  if (wrote) self->flush(s.handle);
  if (s.closing && s.outbox.empty() && s.outstanding == 0) end(self, Fault::not_serving, "closed by this party");
}

/// Why the other end, that has proved who it is, may not be here: pins and clients may have been read again since it
/// began. Empty when it may.
std::string not_known_any_more(const LinkState& s) {
  const auto& identity = s.transport->identity();
  if (!identity || !s.settings.tls) return {};
  const auto known = s.settings.tls->known().find(identity->key);
  if (known != s.settings.tls->known().end() && known->second.party == identity->party &&
      known->second.name == identity->name)
    return {};
  return "its key " + config::pin_text(identity->key) + " is not pinned here for " + identity->name + " any more";
}

/// The other end has proved who it is, or nobody asks.
void established(LinkBroker* self) {
  auto& s = self->state;
  if (auto gone = not_known_any_more(s); !gone.empty()) return end(self, Fault::refused, gone);
  if (s.entrance) {
    self->send(s.entrance->listener, HandshakeOver{self});
    self->send(s.owner, Accepted{s.entrance->door, self, s.entrance->address, s.transport->identity()});
    s.entrance.reset();
  }
  pump(self);
}

void read_on(LinkBroker* self) {
  auto& s = self->state;
  const auto wanted = s.transport->wanted(s.reader.wanted());
  self->configure_read(s.handle, wanted.exactly ? caf::io::receive_policy::exactly(wanted.bytes)
                                                : caf::io::receive_policy::at_most(wanted.bytes));
}

/// Why a message cannot be taken, or empty.
std::string deliver(LinkBroker* self, wire::Message message) {
  auto& s = self->state;
  const auto header = message.header;
  Arrived arrived{s.routes ? s.routes->peer : protocol::PartyId::client, self, Parcel(std::move(message)),
                  s.routes ? s.routes->client : nullptr};
  if (!s.routes) {
    self->send(s.owner, std::move(arrived));
    return {};
  }
  const auto& routes = *s.routes;
  const auto in_session = [&](const caf::actor& to) -> std::string {
    if (!to || header.session != routes.session)
      return std::string(wire::name(header.kind)) + " message outside its session";
    // What unblocks a send of ours goes past what does not.
    if (header.lane == Lane::preprocessing)
      self->send(to, std::move(arrived));
    else
      self->send<caf::message_priority::high>(to, std::move(arrived));
    return {};
  };
  switch (header.kind) {
    case Kind::set_up:
    case Kind::deal:
    case Kind::online:
      if (header.work.value >= routes.layers.size())
        return std::string(wire::name(header.kind)) + " message for value " + std::to_string(header.work.value) +
               " of " + std::to_string(routes.layers.size());
      if (header.work.model != routes.model)
        return std::string(wire::name(header.kind)) + " message for model " + std::to_string(header.work.model) +
               ", served is " + std::to_string(routes.model);
      return in_session(routes.layers[header.work.value]);
    case Kind::query_pending:
    case Kind::query_start:
    case Kind::query_cancelled:
      return in_session(routes.queries);
    case Kind::want:
    case Kind::deal_begins:
    case Kind::pack_ready:
      return in_session(routes.packs);
    default:
      self->send(routes.control, std::move(arrived));
      return {};
  }
}

/// Frames of steps say that the other end lives; what it has to say to `control` may wait behind them for long.
void tell_life(LinkBroker* self, const std::array<wire::Reader::Traffic, 3>& traffic) {
  auto& s = self->state;
  if (!s.routes || s.routes->life_told_every.count() == 0) return;
  if (traffic[static_cast<std::size_t>(Lane::online)].frames == 0 &&
      traffic[static_cast<std::size_t>(Lane::preprocessing)].frames == 0)
    return;
  const auto now = std::chrono::steady_clock::now();
  if (now - s.life_told < s.routes->life_told_every) return;
  s.life_told = now;
  self->send(s.routes->control, Heard{self});
}

void arrived(LinkBroker* self, std::span<const char> bytes) {
  auto& s = self->state;
  if (s.down) return;
  const bool was_established = s.transport->established();
  auto plain = s.transport->feed(bytes, self->wr_buf(s.handle));
  // What the transport answers is not counted as outstanding: a handshake, and no more.
  if (!plain) return end(self, plain.error(), true);
  if (!was_established) self->flush(s.handle);
  if (!was_established && s.transport->established()) established(self);
  std::vector<wire::Message> messages;
  auto fed = s.reader.feed(*plain, messages);
  const auto traffic = s.reader.take_traffic();
  for (std::size_t lane = 0; lane < traffic.size(); ++lane) {
    if (traffic[lane].frames == 0) continue;
    s.probes[lane].received_bytes.add(static_cast<double>(traffic[lane].bytes));
    s.probes[lane].received_frames.add(static_cast<double>(traffic[lane].frames));
  }
  tell_life(self, traffic);
  for (auto& m : messages)
    if (auto wrong = deliver(self, std::move(m)); !wrong.empty())
      return end(self, Fault::violation, "protocol violation: " + wrong);
  if (!fed) return end(self, Fault::violation, "protocol violation: " + fed.error().what);
  read_on(self);
}

caf::behavior run(LinkBroker* self, connection_handle handle, const LinkSettings& settings, const caf::actor& owner,
                  std::optional<Entrance> entrance) {
  auto& s = self->state;
  s.settings = settings;
  s.owner = owner;
  s.handle = handle;
  // CAF's handle of a connection is its descriptor (conn_hdl_from_socket).
  s.descriptor = static_cast<int>(handle.id());
  s.frame_bytes = settings.strangers.frame_bytes;
  s.outbox = wire::Outbox(settings.priorities);
  s.reader.set_limits(settings.strangers);
  s.entrance = std::move(entrance);
  s.transport = !settings.tls ? wire::plain_transport()
                : s.entrance  ? settings.tls->accept(settings.admission)
                              : settings.tls->connect(settings.admission);
  net::tune_link(s.descriptor);
  self->ack_writes(handle, true);
  read_on(self);
  if (auto begun = s.transport->begin(self->wr_buf(handle)); !begun) end(self, begun.error());
  if (s.transport->established()) {
    established(self);
  } else {
    self->flush(handle);
    tell_later(self, settings.handshake_patience, HandshakeDeadline::value);
  }
  return {
      [self](const Send& send) {
        auto& st = self->state;
        if (st.down || st.closing) return;
        const auto lane = send.message.look().header.lane;
        st.outbox.push(send.message.take());
        if (st.routes && st.routes->unread_bytes > 0 && st.outbox.queued_bytes(Lane::control) > st.routes->unread_bytes)
          return end(self, Fault::violation, "it does not read what it asks for");
        // Told here too: what matters is the queue of a link that takes nothing.
        st.probes[static_cast<std::size_t>(lane)].queue_bytes.set(static_cast<double>(st.outbox.queued_bytes(lane)));
        pump(self);
      },
      [self](const caf::io::new_data_msg& data) { arrived(self, data.buf); },
      [self](const caf::io::data_transferred_msg& sent) {
        self->state.outstanding = sent.remaining;
        pump(self);
      },
      [self](const caf::io::connection_closed_msg&) {
        if (self->state.down) return self->quit();
        end(self, Fault::peer_lost, "the connection was closed by the other end");
      },
      [self](HandshakeDeadline) {
        const auto& st = self->state;
        if (st.transport->established()) return;
        end(self, Fault::timed_out,
            "it did not prove who it is within " + std::to_string(st.settings.handshake_patience.count()) + " ms");
      },
      [self](EndNow) { close_now(self); },
      [self](GiveWay) {
        if (!self->state.transport->established())
          end(self, Fault::busy, "newer connections than this one took its place before it proved who it is");
      },
      [self](const Routes& routes) {
        auto& st = self->state;
        st.routes = routes;
        st.frame_bytes = std::min<std::size_t>(routes.frame_bytes, st.settings.config.frame_bytes);
        st.reader.set_limits({st.settings.config.frame_bytes, routes.message_bytes, routes.open_messages});
        if (st.settings.registry != nullptr)
          for (const auto lane : {Lane::control, Lane::online, Lane::preprocessing})
            st.probes[static_cast<std::size_t>(lane)] =
                link_probes(*st.settings.registry, routes.name, static_cast<monitoring::Lane>(lane));
        pump(self);
      },
      [self](const NewIdentities& m) {
        self->state.settings.tls = m.tls;
        if (auto gone = not_known_any_more(self->state); !gone.empty()) end(self, Fault::refused, gone);
      },
      [self](CloseLink) {
        tell_later(self, a_round_later, CloseNow::value);
        tell_later(self, drain_patience, DrainDeadline::value);
      },
      [self](CloseNow) {
        self->state.closing = true;
        if (!self->state.transport->established()) return end(self, Fault::not_serving, "closed by this party");
        pump(self);
      },
      [self](DrainDeadline) { end(self, Fault::not_serving, "closed by this party"); },
  };
}

caf::behavior run_accepted(LinkBroker* self, connection_handle handle, const LinkSettings& settings,
                           const caf::actor& owner, Entrance entrance) {
  return run(self, handle, settings, owner, std::move(entrance));
}

caf::behavior run_connected(LinkBroker* self, int descriptor, const LinkSettings& settings, const caf::actor& owner) {
  return run(self, self->add_scribe(descriptor), settings, owner, std::nullopt);
}

struct ListenerState {
  static inline const char* name = "listener";

  std::deque<caf::actor> half_open;  ///< the oldest first
  net::Allowance handshakes;
  std::uint64_t turned_away = 0;            ///< connections beyond the budget that the owner has not heard of
  std::string turned_away_address;          ///< of the first of them
  std::vector<connection_handle> unwanted;  ///< connections to close; together, for a flood must cost little
};

using ListenerBroker = caf::stateful_actor<ListenerState, caf::io::broker>;
using CloseUnwanted = caf::atom_constant<caf::atom("close-unw")>;
using TellTurnedAway = caf::atom_constant<caf::atom("tell-away")>;

caf::behavior run_listener(ListenerBroker* self, int descriptor, ListenerSettings settings, const caf::actor& owner) {
  self->add_doorman(descriptor);
  auto current = std::make_shared<ListenerSettings>(std::move(settings));
  return {
      [self, current, owner](const caf::io::new_connection_msg& connection) {
        auto& st = self->state;
        const bool costs = current->link.tls != nullptr;
        const auto address = [&] {
          return self->remote_addr(connection.handle) + ":" + std::to_string(self->remote_port(connection.handle));
        };
        if (costs && !st.handshakes.take(std::chrono::steady_clock::now(), current->handshakes_per_second,
                                         std::chrono::seconds(1))) {
          if (st.turned_away++ == 0) {
            tell_later(self, current->turned_away_told_every, TellTurnedAway::value);
            st.turned_away_address = address();
          }
          if (st.unwanted.empty()) tell_later(self, unwanted_stay, CloseUnwanted::value);
          st.unwanted.push_back(connection.handle);
          return;
        }
        auto link =
            self->fork(run_accepted, connection.handle, current->link, owner, Entrance{current->door, self, address()});
        if (!costs) return;
        // Whoever is silent must not keep others out: an honest handshake takes a few round trips, and at the rate at
        // which they begin it is not the oldest before it is over.
        if (st.half_open.size() >= current->most_half_open) {
          self->send(st.half_open.front(), GiveWay::value);
          st.half_open.pop_front();
        }
        st.half_open.push_back(link);
      },
      [self](CloseUnwanted) {
        for (const auto& handle : std::exchange(self->state.unwanted, {})) self->close(handle);
      },
      [self, current, owner](TellTurnedAway) {
        auto& st = self->state;
        self->send(owner, HandshakeFailed{current->door,
                                          st.turned_away_address,
                                          {Fault::busy, "more connections than limits.handshakes_per_second (" +
                                                            std::to_string(current->handshakes_per_second) + ')'},
                                          std::exchange(st.turned_away, 0)});
      },
      [](const caf::io::connection_closed_msg&) { /* of a stranger that was not let in */ },
      [self](const HandshakeOver& m) { std::erase(self->state.half_open, m.link); },
      [self, current](const NewIdentities& m) {
        current->link.tls = m.tls;
        for (const auto& link : self->state.half_open) self->send(link, m);
      },
      [self](const caf::io::acceptor_closed_msg&) { self->quit(); },
      [self](CloseLink) { tell_later(self, a_round_later, CloseNow::value); },
      [self](CloseNow) {
        for (const auto& link : self->state.half_open) self->send(link, CloseLink{});
        self->state.half_open.clear();
        self->quit();
      },
  };
}

}  // namespace

caf::actor spawn_link(caf::actor_system& system, int descriptor, const LinkSettings& settings,
                      const caf::actor& owner) {
  return system.middleman().spawn_broker(run_connected, descriptor, settings, owner);
}

caf::actor spawn_listener(caf::actor_system& system, int descriptor, const ListenerSettings& settings,
                          const caf::actor& owner) {
  return system.middleman().spawn_broker(run_listener, descriptor, settings, owner);
}

}  // namespace blindsight::actors
