#include "client/channel.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/socket.h"

namespace blindsight::client {
namespace {

using protocol::Error;
using protocol::Fault;
using protocol::Result;
using wire::Kind;
using Clock = Loop::Clock;

/// Bytes that are framed ahead of the operating system's taking them.
constexpr std::size_t write_ahead_bytes = 1024 * 1024;
/// Until a listener that has turned one away is asked again.
constexpr std::uint32_t turned_away_retry_ms = 500;
/// Bytes that are read before the loop looks after the others that it serves.
constexpr std::size_t read_at_once_bytes = 1024 * 1024;
/// So much on its way to a party is more than pings.
constexpr int share_bytes = 16 * 1024;
/// No plan and no answer is near it.
constexpr std::size_t longest_answer_bytes = std::size_t{1} << 30;

}  // namespace

Channel::Channel(Loop& loop, config::Address address, protocol::PartyId party, const config::ClientConfig& config,
                 Tls tls)
    : loop_(loop), address_(std::move(address)), party_(party), link_(config.link), tls_(std::move(tls)) {}

Channel::~Channel() {
  fail({Fault::refused, "the client was closed"});
  cancelled_ = true;
  if (connector_.joinable()) connector_.join();
}

std::string Channel::name() const {
  return protocol::party_name(party_) + " (" + config::to_string(address_) + ")";
}

Error Channel::named(const std::string& what, Error error) const {
  return protocol::within(name() + what, std::move(error));
}

void Channel::predict(const wire::QueryId& query, protocol::Payload payload, Answered answered) {
  queries_[query] = std::move(answered);
  if (state_ == State::ready) {
    send(Kind::predict, std::move(payload));
    return watch_life();
  }
  unsent_queries_.emplace_back(query, std::move(payload));
  connect_if_down();
}

void Channel::cancel(const wire::QueryId& query) {
  if (queries_.erase(query) == 0) return;
  const auto unsent = std::erase_if(unsent_queries_, [&](const auto& waiting) { return waiting.first == query; });
  if (unsent == 0 && state_ == State::ready) send(Kind::cancel, wire::encode(wire::QueryName{query}));
}

void Channel::request(Kind kind, protocol::Payload payload, protocol::LayerId layer, Kind expected,
                      std::chrono::milliseconds patience, Done done) {
  requests_.push_back({kind, expected, std::move(payload), layer, patience, std::move(done)});
  if (state_ == State::ready) return send_next_request();
  connect_if_down();
}

void Channel::connect_if_down() {
  if (state_ != State::down) return;
  if (!tls_) return fail(tls_.error());
  if (!*tls_)
    if (auto ok = net::check_loopback(address_, "the connection to"); !ok) return fail(ok.error());
  state_ = State::connecting;
  if (connector_.joinable()) connector_.join();
  // Names are resolved and connections made where they keep nobody waiting.
  connector_ = std::thread([this] {
    auto made = net::connect_to(address_, std::chrono::milliseconds(link_.connect_timeout_ms), &cancelled_);
    loop_.post([this, made, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) return connected(made);
      if (made) ::close(*made);
    });
  });
}

void Channel::connected(Result<int> descriptor) {
  if (state_ != State::connecting) {
    if (descriptor) ::close(*descriptor);
    return;
  }
  if (!descriptor) {
    auto error = protocol::within(protocol::party_name(party_) + ": ", descriptor.error());
    error.what += "; is it running?";
    return fail(error);
  }
  descriptor_ = *descriptor;
  state_ = State::greeting;
  frame_bytes_ = link_.frame_bytes;
  reader_ = wire::Reader({link_.frame_bytes, longest_answer_bytes, 4});
  outbox_ = wire::Outbox(false);
  unsent_.clear();
  unsent_from_ = 0;
  transport_ =
      *tls_ ? (*tls_)->connect({{party_}, "the address of " + protocol::party_name(party_)}) : wire::plain_transport();
  loop_.watch(*this);
  if (auto begun = transport_->begin(unsent_); !begun) return fail(named(": ", begun.error()));
  const auto patience = std::max(std::chrono::milliseconds(link_.connect_timeout_ms), std::chrono::milliseconds(1000));
  greeting_over_ = loop_.at(Clock::now() + patience, [this] {
    greeting_over_.reset();
    fail(named(" has not answered in time", {Fault::timed_out, {}}));
  });
  wire::Hello own;
  own.wire_version = wire::version;
  own.software_version = BLINDSIGHT_VERSION;
  own.role = protocol::PartyId::client;
  own.max_frame_bytes = link_.frame_bytes;
  send(Kind::hello, wire::encode(own));
}

short Channel::wanted() const {
  return static_cast<short>(POLLIN | (unsent_from_ < unsent_.size() || has_to_send() ? POLLOUT : 0));
}

void Channel::ready() {
  receive();
  if (descriptor_ >= 0) flush();
}

void Channel::send(Kind kind, protocol::Payload payload, protocol::LayerId layer) {
  auto header = wire::control_header(kind);
  header.work.layer = layer;
  outbox_.push({header, std::move(payload)});
  flush();
}

void Channel::flush() {
  for (;;) {
    if (unsent_from_ == unsent_.size()) {
      unsent_.clear();
      unsent_from_ = 0;
      while (has_to_send() && unsent_.size() < write_ahead_bytes) {
        outbox_.append_frame(frame_bytes_, transport_->to_seal(unsent_));
        if (auto sealed = transport_->seal(unsent_); !sealed) return fail(named(": ", sealed.error()));
      }
      if (unsent_.empty()) return;
    }
    const auto n = ::send(descriptor_, unsent_.data() + unsent_from_, unsent_.size() - unsent_from_, MSG_NOSIGNAL);
    if (n > 0) {
      unsent_from_ += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      const std::string reason = std::strerror(errno);
      // What it said before it closed is the better reason.
      receive();
      if (descriptor_ >= 0) fail(named(" closed the connection: ", {Fault::peer_lost, reason}));
      return;
    }
  }
}

void Channel::receive() {
  std::vector<char> bytes;
  for (std::size_t read = 0; descriptor_ >= 0 && read < read_at_once_bytes;) {
    bytes.resize(transport_->wanted(reader_.wanted()).bytes);
    const auto n = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
    if (n == 0 && !transport_->established())
      return fail(
          named(" closed the connection before it proved who it is: it was stopped, or takes no new connections "
                "for the moment",
                {Fault::peer_lost, {}, turned_away_retry_ms}));
    if (n == 0) return fail(named(" closed the connection: it was stopped or lost", {Fault::peer_lost, {}}));
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      return fail(named(" was lost: ", {Fault::peer_lost, std::strerror(errno)}));
    }
    read += static_cast<std::size_t>(n);
    alive_at_ = Clock::now();
    const auto plain = transport_->feed({bytes.data(), static_cast<std::size_t>(n)}, unsent_);
    if (!plain) {
      // What tells the other end why (an alert) goes before the connection does.
      (void)::send(descriptor_, unsent_.data() + unsent_from_, unsent_.size() - unsent_from_, MSG_NOSIGNAL);
      return fail(named(": ", plain.error()));
    }
    std::vector<wire::Message> messages;
    const auto fed = reader_.feed(*plain, messages);
    for (auto& message : messages) {
      take(std::move(message));
      if (descriptor_ < 0) return;
    }
    if (!fed) return fail(named(" violates the protocol: ", fed.error()));
  }
}

void Channel::take(wire::Message message) {
  const auto kind = message.header.kind;
  if (kind == Kind::refuse || kind == Kind::failure) return failure(message);
  if (state_ == State::greeting) return greeted(message);
  if (kind == Kind::pong) return;  // that it came says all
  if (kind == Kind::predicted) {
    auto predicted = wire::decode<wire::Predicted>(message.payload);
    if (!predicted) return fail(named(": ", predicted.error()));
    const auto query = queries_.find(predicted->query);
    if (query == queries_.end()) return;  // it was given up
    const auto answered = std::move(query->second);
    queries_.erase(query);
    return answered(std::move(*predicted));
  }
  if (!request_over_ || kind != requests_.front().expected)
    return fail(named(" answered with a " + std::string(wire::name(kind)) + " message that was not asked for",
                      {Fault::violation, {}}));
  request_done(std::move(message));
}

void Channel::greeted(const wire::Message& message) {
  const auto hello =
      message.header.kind == Kind::hello
          ? wire::decode<wire::Hello>(message.payload)
          : protocol::fail(Fault::violation, "the first message is " + std::string(wire::name(message.header.kind)));
  if (!hello) return fail(named(": hello: ", hello.error()));
  if (hello->role != party_)
    return fail(named(
        ": at this address is " + protocol::party_name(hello->role) + "; check the addresses in the configuration",
        {Fault::usage, {}}));
  frame_bytes_ = std::min<std::size_t>(link_.frame_bytes, hello->max_frame_bytes);
  loop_.cancel(*greeting_over_);
  greeting_over_.reset();
  state_ = State::ready;
  ++connections_;
  auto queries = std::move(unsent_queries_);
  unsent_queries_.clear();
  for (auto& [query, payload] : queries) {
    if (state_ != State::ready) return;  // lost while sending: they were told
    send(Kind::predict, std::move(payload));
  }
  if (state_ != State::ready) return;
  watch_life();
  send_next_request();
}

/// A process that is stopped keeps its connection, and whoever waits for it would wait in vain.
void Channel::watch_life() {
  if (state_ != State::ready || next_ping_ || queries_.empty()) return;
  alive_at_ = Clock::now();
  look_after_life(alive_at_ + std::chrono::milliseconds(link_.ping_interval_ms));
}

void Channel::look_after_life(Clock::time_point due) {
  next_ping_ = loop_.at(due, [this, due] {
    next_ping_.reset();
    if (queries_.empty()) return;
    const auto interval = std::chrono::milliseconds(link_.ping_interval_ms);
    const auto now = Clock::now();
    // Whoever stood still itself has heard nothing meanwhile.
    if (now - due > interval) alive_at_ += now - due;
    // A share that is on its way over a slow line holds the ping up. Pings are acknowledged by a stopped party's
    // kernel.
    int bytes = 0;
    if (::ioctl(descriptor_, TIOCOUTQ, &bytes) == 0 && on_its_way_bytes_ >= share_bytes && bytes < on_its_way_bytes_)
      alive_at_ = now;
    on_its_way_bytes_ = bytes;
    if (now - alive_at_ >= std::chrono::milliseconds(link_.silence_ms))
      return fail(named(" has not answered for " + std::to_string(link_.silence_ms) +
                            " ms: it is stopped or hung, or its line is cut",
                        {Fault::peer_lost, {}}));
    send(Kind::ping, wire::encode(wire::Number{++pings_}));
    if (state_ == State::ready) look_after_life(now + interval);
  });
}

void Channel::failure(const wire::Message& message) {
  auto told = wire::decode<wire::Failure>(message.payload);
  if (!told) return fail(named(": ", told.error()));
  if (message.header.kind == Kind::refuse) return fail(named(" refused the connection: ", told->error));
  const auto error = named(": ", told->error);
  if (told->query == wire::QueryId{}) {
    if (request_over_) return request_done(tl::unexpected(error));
    return fail(error);
  }
  const auto query = queries_.find(told->query);
  if (query == queries_.end()) return;
  const auto answered = std::move(query->second);
  queries_.erase(query);
  answered(tl::unexpected(error));
}

void Channel::send_next_request() {
  if (requests_.empty() || request_over_) return;
  auto& next = requests_.front();
  request_over_ = loop_.at(Clock::now() + next.patience, [this] {
    request_over_.reset();
    // Its answer may still come, and would be taken for another's: the connection cannot be used again.
    fail(named(" has not answered in time", {Fault::timed_out, {}}));
  });
  send(next.kind, std::move(next.payload), next.layer);
}

void Channel::request_done(Result<wire::Message> result) {
  loop_.cancel(*request_over_);
  request_over_.reset();
  const auto done = std::move(requests_.front().done);
  requests_.pop_front();
  send_next_request();
  done(std::move(result));
}

/// The connection is over, or cannot be made: everything that waits for it is told.
void Channel::fail(const Error& error) {
  close();
  auto queries = std::move(queries_);
  auto requests = std::move(requests_);
  queries_.clear();
  requests_.clear();
  unsent_queries_.clear();
  for (auto& [query, answered] : queries) answered(tl::unexpected(error));
  for (auto& request : requests) request.done(tl::unexpected(error));
}

void Channel::close() {
  for (auto* timer : {&greeting_over_, &request_over_, &next_ping_})
    if (*timer) {
      loop_.cancel(**timer);
      timer->reset();
    }
  if (descriptor_ >= 0) {
    loop_.unwatch(*this);
    ::close(descriptor_);
  }
  descriptor_ = -1;
  state_ = State::down;
}

}  // namespace blindsight::client
