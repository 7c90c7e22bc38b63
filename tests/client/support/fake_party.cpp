#include "tests/client/support/fake_party.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "net/socket.h"

namespace blindsight::tests {

FakeParty::FakeParty(protocol::PartyId role, Handler handler, std::shared_ptr<const wire::TlsContext> tls)
    : role_(role), handler_(std::move(handler)), tls_(std::move(tls)) {
  auto listening = net::listen_on({"127.0.0.1", 0});
  REQUIRE(listening);
  listening_ = *listening;
  address_ = {"127.0.0.1", net::bound_port(listening_)};
  thread_ = std::thread([this] { run(); });
}

FakeParty::~FakeParty() {
  ending_ = true;
  thread_.join();
  drop_connections();
  ::close(listening_);
}

void FakeParty::write(Connection& connection, wire::Message message) {
  wire::Outgoing out(std::move(message), 0);
  std::vector<char> bytes;
  auto& plain = connection.transport->to_seal(bytes);
  while (!out.finished()) out.append_frame(frame_bytes, plain);
  REQUIRE(connection.transport->seal(bytes));
  send_all(connection.descriptor, bytes);
}

void FakeParty::send_all(int descriptor, const std::vector<char>& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = ::send(descriptor, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (n > 0)
      at += static_cast<std::size_t>(n);
    else if (errno != EAGAIN && errno != EINTR)
      return;
  }
}

void FakeParty::send(wire::Message message) {
  const std::scoped_lock lock(mutex_);
  for (auto& connection : open_) write(connection, message);
}

void FakeParty::drop_connections() {
  const std::scoped_lock lock(mutex_);
  for (auto& connection : open_) ::close(connection.descriptor);
  open_.clear();
}

std::size_t FakeParty::received(wire::Kind kind) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count(received_, kind));
}

std::optional<wire::Identity> FakeParty::last_client() const {
  const std::scoped_lock lock(mutex_);
  return last_client_;
}

void FakeParty::read(Connection& connection) {
  std::vector<char> bytes(65536);
  const auto n = ::recv(connection.descriptor, bytes.data(), bytes.size(), 0);
  if (n <= 0) return;
  std::vector<char> answer;
  const auto plain = connection.transport->feed({bytes.data(), static_cast<std::size_t>(n)}, answer);
  send_all(connection.descriptor, answer);
  if (!plain) {
    ::shutdown(connection.descriptor, SHUT_WR);
    return;
  }
  last_client_ = connection.transport->identity();
  std::vector<wire::Message> messages;
  REQUIRE(connection.reader.feed(*plain, messages));
  for (const auto& message : messages) {
    received_.push_back(message.header.kind);
    if (message.header.kind == wire::Kind::hello) {
      wire::Hello hello;
      hello.wire_version = wire::version;
      hello.role = role_;
      hello.max_frame_bytes = frame_bytes;
      write(connection, {wire::control_header(wire::Kind::hello), wire::encode(hello)});
      continue;
    }
    if (silent_) continue;
    if (message.header.kind == wire::Kind::ping) {
      write(connection, {wire::control_header(wire::Kind::pong), message.payload});
      continue;
    }
    for (auto& back : handler_(message)) write(connection, std::move(back));
  }
}

void FakeParty::run() {
  while (!ending_) {
    std::vector<pollfd> descriptors{{listening_, POLLIN, 0}};
    {
      const std::scoped_lock lock(mutex_);
      for (auto& connection : open_) descriptors.push_back({connection.descriptor, POLLIN, 0});
    }
    ::poll(descriptors.data(), descriptors.size(), 5);
    const std::scoped_lock lock(mutex_);
    if (descriptors[0].revents != 0)
      if (const int fd = ::accept(listening_, nullptr, nullptr); fd >= 0) {
        ++connections_;
        open_.push_back({fd, tls_ ? tls_->accept({{protocol::PartyId::client}, "the clients' listener"})
                                  : wire::plain_transport()});
      }
    for (auto& connection : open_) {
      pollfd one{connection.descriptor, POLLIN, 0};
      if (::poll(&one, 1, 0) > 0 && (one.revents & POLLIN) != 0) read(connection);
    }
  }
}

}  // namespace blindsight::tests
