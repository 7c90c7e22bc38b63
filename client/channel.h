#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/loop.h"
#include "config/config.h"
#include "protocol/core/party.h"
#include "protocol/core/result.h"
#include "wire/control.h"
#include "wire/envelope.h"
#include "wire/outbox.h"
#include "wire/tls.h"

namespace blindsight::client {

/// The one connection of a client to one party: made when something is asked, kept, and made again when something is
/// asked after it was lost. Any number of queries are under way on it; of everything else, one request at a time. While
/// a query is under way the party is pinged: one that is silent is lost, and its queries with it.
/// Everything but cancelling happens on the loop's thread. Errors begin with the party's name.
class Channel final : Loop::Watched {
 public:
  using Done = std::function<void(protocol::Result<wire::Message>)>;
  using Answered = std::function<void(protocol::Result<wire::Predicted>)>;

  /// Null for plain links, by consent; the error: a key that cannot be used, told to whoever asks for something.
  using Tls = protocol::Result<std::shared_ptr<const wire::TlsContext>>;

  Channel(Loop& loop, config::Address address, protocol::PartyId party, const config::ClientConfig& config, Tls tls);
  /// Whatever is under way is told that the client has gone.
  ~Channel() override;

  /// One half of a query: `answered` once, with the party's half of the answer or the reason why there is none.
  void predict(const wire::QueryId& query, protocol::Payload payload, Answered answered);
  /// Gives a query up: the party is told, `answered` is not called any more.
  void cancel(const wire::QueryId& query);
  /// Anything else: `done` once, with a message of the `expected` kind or the reason.
  void request(wire::Kind kind, protocol::Payload payload, protocol::LayerId layer, wire::Kind expected,
               std::chrono::milliseconds patience, Done done);

  /// "server0 (127.0.0.1:7100)"
  std::string name() const;
  /// Times that a connection stood since the channel was made; from any thread.
  std::uint64_t connections() const { return connections_; }

 private:
  enum class State : std::uint8_t { down, connecting, greeting, ready };  ///< greeting: handshake, then Hello
  struct Request {
    wire::Kind kind, expected;
    protocol::Payload payload;
    protocol::LayerId layer;
    std::chrono::milliseconds patience;
    Done done;
  };

  int descriptor() const override { return descriptor_; }
  bool has_to_send() const { return transport_->established() && !outbox_.empty(); }
  short wanted() const override;
  void ready() override;

  void connect_if_down();
  void connected(protocol::Result<int> descriptor);
  void send(wire::Kind kind, protocol::Payload payload, protocol::LayerId layer = protocol::no_layer);
  void flush();
  void receive();
  void take(wire::Message message);
  void greeted(const wire::Message& message);
  void failure(const wire::Message& message);
  void send_next_request();
  void request_done(protocol::Result<wire::Message> result);
  void watch_life();
  void look_after_life(Loop::Clock::time_point due);
  void fail(const protocol::Error& error);
  void close();
  protocol::Error named(const std::string& what, protocol::Error error) const;

  Loop& loop_;
  const config::Address address_;
  const protocol::PartyId party_;
  const config::LinkConfig link_;
  const Tls tls_;

  State state_ = State::down;
  int descriptor_ = -1;
  std::thread connector_;
  /// What a connector posts is for a channel that may have gone.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  std::atomic<bool> cancelled_ = false;
  std::atomic<std::uint64_t> connections_ = 0;
  std::size_t frame_bytes_ = 0;
  std::unique_ptr<wire::Transport> transport_;
  wire::Outbox outbox_{false};
  std::vector<char> unsent_;
  std::size_t unsent_from_ = 0;
  wire::Reader reader_{{}};
  std::optional<Loop::Timer> greeting_over_, request_over_;
  std::optional<Loop::Timer> next_ping_;  ///< while a query is under way
  Loop::Clock::time_point alive_at_{};    ///< when the party last gave a sign of life
  std::uint64_t pings_ = 0;
  int on_its_way_bytes_ = 0;  ///< that it had not acknowledged at the last ping
  std::vector<std::pair<wire::QueryId, protocol::Payload>> unsent_queries_;  ///< until the connection stands
  std::map<wire::QueryId, Answered> queries_;
  std::deque<Request> requests_;  ///< the first is under way when request_over_ is set
};

}  // namespace blindsight::client
