#include "actors/link/link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/io/network/native_socket.hpp>
#include <chrono>
#include <optional>

#include "actors/link/messages.h"
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
using DrainDeadline = caf::atom_constant<caf::atom("drained?")>;
/// CAF 0.17 leaks a socket that is closed in the very round of the event loop that added it. A message that goes by way
/// of the clock arrives in a later round.
using CloseNow = caf::atom_constant<caf::atom("close-now")>;
constexpr std::chrono::milliseconds a_round_later{1};

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

struct LinkState {
  static inline const char* name = "link";

  LinkSettings settings;
  caf::actor owner;
  connection_handle handle;
  int descriptor = -1;
  std::optional<Routes> routes;
  std::size_t frame_bytes = 0;
  wire::Outbox outbox{true};
  wire::Reader reader{{}};
  std::uint64_t outstanding = 0;  ///< bytes in the broker's write buffers
  bool closing = false, down = false;
  std::array<LinkProbes, 3> probes;
};

using LinkBroker = caf::stateful_actor<LinkState, caf::io::broker>;

/// Without a sender: a broker that has ended in the meantime would keep itself alive through a message of its own in
/// its mailbox.
template <class Message>
void tell_later(caf::io::broker* self, std::chrono::milliseconds delay, Message message) {
  caf::delayed_anon_send(caf::actor_cast<caf::actor>(self), delay, message);
}

void end(LinkBroker* self, protocol::Fault fault, const std::string& reason) {
  auto& s = self->state;
  if (s.down) return;
  s.down = true;
  // Both directions at once: a peer that does not answer must not keep the descriptor alive.
  ::shutdown(s.descriptor, SHUT_RDWR);
  self->close(s.handle);
  self->send(s.owner, LinkDown{self, {fault, reason}});
  self->quit();
}

/// Hands over frames while the lane of the first one has credit: a bulk frame waits for the buffer to be nearly empty,
/// so that an urgent message that comes in the meantime finds at most two of them ahead.
void pump(LinkBroker* self) {
  auto& s = self->state;
  if (s.down) return;
  bool wrote = false;
  while (!s.outbox.empty()) {
    const bool only_bulk = s.outbox.front_lane() == Lane::preprocessing;
    const std::uint64_t credit =
        only_bulk ? 2 * s.frame_bytes : std::max<std::uint64_t>(s.settings.config.credit_bytes, 2 * s.frame_bytes);
    if (s.outstanding >= credit) break;
    const auto frame = s.outbox.append_frame(s.frame_bytes, self->wr_buf(s.handle));
    s.outstanding += frame.frame_bytes;
    wrote = true;
    const auto& probes = s.probes[static_cast<std::size_t>(frame.lane)];
    probes.sent_bytes.add(frame.frame_bytes);
    probes.sent_frames.add();
    probes.queue_bytes.set(s.outbox.queued_bytes(frame.lane));
    if (frame.lane == Lane::preprocessing && s.routes && s.routes->drain_watcher)
      self->send(s.routes->drain_watcher, Drained{s.routes->peer, frame.payload_bytes});
  }
  if (wrote) self->flush(s.handle);
  if (s.closing && s.outbox.empty() && s.outstanding == 0) end(self, Fault::not_serving, "closed by this party");
}

/// Why a message cannot be taken, or empty.
std::string deliver(LinkBroker* self, wire::Message message) {
  auto& s = self->state;
  const auto header = message.header;
  const auto& probes = s.probes[static_cast<std::size_t>(header.lane)];
  probes.received_bytes.add(message.payload.size() + wire::frame_overhead_bytes);
  probes.received_frames.add();
  Arrived arrived{s.routes ? s.routes->peer : protocol::PartyId::client, self, Parcel(std::move(message))};
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

caf::behavior run(LinkBroker* self, connection_handle handle, const LinkSettings& settings, const caf::actor& owner) {
  auto& s = self->state;
  s.settings = settings;
  s.owner = owner;
  s.handle = handle;
  // CAF's handle of a connection is its descriptor (conn_hdl_from_socket).
  s.descriptor = static_cast<int>(handle.id());
  s.frame_bytes = settings.strangers.frame_bytes;
  s.outbox = wire::Outbox(settings.priorities);
  s.reader.set_limits(settings.strangers);
  net::tune_link(s.descriptor);
  self->ack_writes(handle, true);
  self->configure_read(handle, caf::io::receive_policy::exactly(s.reader.wanted()));
  return {
      [self](const Send& send) {
        auto& st = self->state;
        if (st.down || st.closing) return;
        st.outbox.push(send.message.take());
        if (st.routes && st.routes->unread_bytes > 0 && st.outbox.queued_bytes(Lane::control) > st.routes->unread_bytes)
          return end(self, Fault::violation, "it does not read what it asks for");
        pump(self);
      },
      [self](const caf::io::new_data_msg& data) {
        auto& st = self->state;
        if (st.down) return;
        std::vector<wire::Message> messages;
        auto fed = st.reader.feed(data.buf, messages);
        for (auto& m : messages)
          if (auto wrong = deliver(self, std::move(m)); !wrong.empty())
            return end(self, Fault::violation, "protocol violation: " + wrong);
        if (!fed) return end(self, Fault::violation, "protocol violation: " + fed.error().what);
        self->configure_read(st.handle, caf::io::receive_policy::exactly(st.reader.wanted()));
      },
      [self](const caf::io::data_transferred_msg& sent) {
        self->state.outstanding = sent.remaining;
        pump(self);
      },
      [self](const caf::io::connection_closed_msg&) {
        end(self, Fault::peer_lost, "the connection was closed by the other end");
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
      [self](CloseLink) {
        tell_later(self, a_round_later, CloseNow::value);
        tell_later(self, drain_patience, DrainDeadline::value);
      },
      [self](CloseNow) {
        self->state.closing = true;
        pump(self);
      },
      [self](DrainDeadline) { end(self, Fault::not_serving, "closed by this party"); },
  };
}

caf::behavior run_accepted(LinkBroker* self, connection_handle handle, LinkSettings settings, caf::actor owner) {
  return run(self, handle, settings, owner);
}

caf::behavior run_connected(LinkBroker* self, int descriptor, LinkSettings settings, caf::actor owner) {
  return run(self, self->add_scribe(descriptor), settings, owner);
}

caf::behavior run_listener(caf::io::broker* self, int descriptor, LinkSettings settings, caf::actor owner) {
  self->add_doorman(descriptor);
  return {
      [self, settings, owner](const caf::io::new_connection_msg& connection) {
        const auto address =
            self->remote_addr(connection.handle) + ":" + std::to_string(self->remote_port(connection.handle));
        auto link = self->fork(run_accepted, connection.handle, settings, owner);
        self->send(owner, Accepted{link, address});
      },
      [self](const caf::io::acceptor_closed_msg&) { self->quit(); },
      [self](CloseLink) { tell_later(self, a_round_later, CloseNow::value); },
      [self](CloseNow) { self->quit(); },
  };
}

}  // namespace

caf::actor spawn_link(caf::actor_system& system, int descriptor, const LinkSettings& settings,
                      const caf::actor& owner) {
  return system.middleman().spawn_broker(run_connected, descriptor, settings, owner);
}

caf::actor spawn_listener(caf::actor_system& system, int descriptor, const LinkSettings& settings,
                          const caf::actor& owner) {
  return system.middleman().spawn_broker(run_listener, descriptor, settings, owner);
}

}  // namespace blindsight::actors
