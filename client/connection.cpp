#include "client/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/socket.h"
#include "protocol/core/party.h"

namespace blindsight::client {
namespace {

using protocol::fail;
using protocol::Fault;
using protocol::Result;
using wire::Kind;
using Clock = std::chrono::steady_clock;

/// False when the time is up.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd p{fd, events, 0};
    const int ready = ::poll(&p, 1, static_cast<int>(std::min<long>(left, 1'000'000)));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

}  // namespace

Connection::Connection(int descriptor, protocol::PartyId party, config::Address address, std::size_t frame_bytes,
                       std::chrono::milliseconds connect_timeout)
    : descriptor_(descriptor),
      party_(party),
      address_(std::move(address)),
      frame_bytes_(frame_bytes),
      greeting_patience_(std::max(connect_timeout, std::chrono::milliseconds(1000))),
      reader_({frame_bytes, std::size_t{1} << 32, 64}) {}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      party_(other.party_),
      address_(std::move(other.address_)),
      frame_bytes_(other.frame_bytes_),
      greeting_patience_(other.greeting_patience_),
      reader_(std::move(other.reader_)),
      arrived_(std::move(other.arrived_)),
      numbers_(other.numbers_) {}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string Connection::name() const {
  return protocol::party_name(party_) + " (" + config::to_string(address_) + ")";
}

Result<Connection> Connection::open(const config::Address& address, protocol::PartyId party,
                                    const config::ClientConfig& config) {
  if (auto ok = net::check_plaintext_allowed(address, config.insecure_plaintext_links, "the connection to"); !ok)
    return tl::unexpected(ok.error());
  const std::chrono::milliseconds timeout(config.link.connect_timeout_ms);
  auto fd = net::connect_to(address, timeout);
  if (!fd) {
    auto error = protocol::within(protocol::party_name(party) + ": ", fd.error());
    error.what += "; is it running?";
    return tl::unexpected(error);
  }
  Connection connection(*fd, party, address, config.link.frame_bytes, timeout);
  if (auto shaken = connection.shake_hands(config.link.frame_bytes); !shaken) return tl::unexpected(shaken.error());
  return connection;
}

Result<void> Connection::shake_hands(std::uint32_t frame_bytes) {
  wire::Hello own;
  own.wire_version = wire::version;
  own.software_version = BLINDSIGHT_VERSION;
  own.role = protocol::PartyId::client;
  own.max_frame_bytes = frame_bytes;
  auto answer = request(Kind::hello, wire::encode(own), Kind::hello, Clock::now() + greeting_patience_);
  if (!answer) return tl::unexpected(answer.error());
  auto hello = wire::decode<wire::Hello>(answer->payload);
  if (!hello) return tl::unexpected(protocol::within(name() + ": hello: ", hello.error()));
  if (hello->role != party_)
    return fail(Fault::usage, name() + ": at this address is " + protocol::party_name(hello->role) +
                                  "; check the addresses in the configuration");
  frame_bytes_ = std::min<std::size_t>(frame_bytes_, hello->max_frame_bytes);
  return {};
}

Result<void> Connection::send(Kind kind, protocol::Payload payload, Deadline deadline, std::uint16_t layer) {
  auto header = wire::control_header(kind);
  header.work.layer = layer;
  wire::Outgoing out({header, std::move(payload)}, numbers_++);
  std::vector<char> bytes;
  while (!out.finished()) {
    bytes.clear();
    out.append_frame(frame_bytes_, bytes);
    for (std::size_t at = 0; at < bytes.size();) {
      const auto n = ::send(descriptor_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n > 0) {
        at += static_cast<std::size_t>(n);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (!wait_for(descriptor_, POLLOUT, deadline))
          return fail(Fault::timed_out, name() + " does not take the request: the time is up");
      } else if (errno != EINTR) {
        // What it said before it closed is the better reason.
        if (auto last = receive_what_is_there(); !last) return tl::unexpected(last.error());
        return fail(Fault::peer_lost, name() + " closed the connection: " + std::strerror(errno));
      }
    }
  }
  return {};
}

Result<std::optional<wire::Message>> Connection::next_message() {
  if (arrived_.empty()) return std::optional<wire::Message>{};
  auto message = std::move(arrived_.front());
  arrived_.erase(arrived_.begin());
  const bool refused = message.header.kind == Kind::refuse;
  if (refused || message.header.kind == Kind::failure) {
    auto told = wire::decode<wire::Failure>(message.payload);
    if (!told) return tl::unexpected(protocol::within(name() + ": ", told.error()));
    return tl::unexpected(protocol::within(name() + (refused ? " refused the connection: " : ": "), told->error));
  }
  return std::optional(std::move(message));
}

Result<std::optional<wire::Message>> Connection::receive_what_is_there() {
  std::vector<char> bytes;
  while (arrived_.empty()) {
    bytes.resize(reader_.wanted());
    const auto n = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
    if (n == 0) return fail(Fault::peer_lost, name() + " closed the connection: it was stopped or lost");
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<wire::Message>{};
      return fail(Fault::peer_lost, name() + " was lost: " + std::strerror(errno));
    }
    if (auto fed = reader_.feed({bytes.data(), static_cast<std::size_t>(n)}, arrived_); !fed)
      return tl::unexpected(protocol::within(name() + " violates the protocol: ", fed.error()));
  }
  return next_message();
}

Result<wire::Message> Connection::receive(Deadline deadline) {
  for (;;) {
    auto message = receive_what_is_there();
    if (!message) return tl::unexpected(message.error());
    if (*message) return std::move(**message);
    if (!wait_for(descriptor_, POLLIN, deadline)) return fail(Fault::timed_out, name() + " has not answered in time");
  }
}

Result<wire::Message> Connection::request(Kind kind, protocol::Payload payload, Kind expected, Deadline deadline,
                                          std::uint16_t layer) {
  if (auto sent = send(kind, std::move(payload), deadline, layer); !sent) return tl::unexpected(sent.error());
  auto answer = receive(deadline);
  if (answer && answer->header.kind != expected)
    return fail(Fault::violation, name() + " answered with a " + std::string(wire::name(answer->header.kind)) +
                                      " message, expected " + std::string(wire::name(expected)));
  return answer;
}

}  // namespace blindsight::client
