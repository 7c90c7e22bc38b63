#include "net/blocking_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/socket.h"

namespace blindsight::net {
namespace {

using protocol::fail;
using protocol::Fault;
using protocol::Result;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds write_patience{10};

/// Whether the descriptor is ready before the time is up.
bool wait(int descriptor, short events, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left < 0) return false;
    pollfd p{descriptor, events, 0};
    const int ready = ::poll(&p, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

BlockingLink::BlockingLink(int descriptor, std::unique_ptr<wire::Transport> transport)
    : descriptor_(descriptor), transport_(std::move(transport)) {}

BlockingLink::BlockingLink(BlockingLink&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), transport_(std::move(other.transport_)) {}

BlockingLink::~BlockingLink() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<BlockingLink> BlockingLink::connect(const config::Address& address,
                                           const std::shared_ptr<const wire::TlsContext>& tls,
                                           const wire::Admission& admission, std::chrono::milliseconds patience) {
  const auto descriptor = connect_to(address, patience);
  if (!descriptor) return tl::unexpected(descriptor.error());
  BlockingLink link(*descriptor, tls ? tls->connect(admission) : wire::plain_transport());
  std::vector<char> out;
  if (auto begun = link.transport_->begin(out); !begun) return tl::unexpected(begun.error());
  if (auto written = link.write(out); !written) return tl::unexpected(written.error());
  const auto until = Clock::now() + patience;
  while (!link.transport_->established()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    // Whoever accepts sends nothing but its part of the handshake before it has heard of us.
    if (auto more = link.receive(std::max(left, std::chrono::milliseconds(0)));
        !more && !link.transport_->established())
      return tl::unexpected(more.error());
  }
  return link;
}

Result<void> BlockingLink::write(std::span<const char> bytes) {
  const auto until = Clock::now() + write_patience;
  while (!bytes.empty()) {
    const auto n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait(descriptor_, POLLOUT, until)) return fail(Fault::timed_out, "it takes nothing");
    } else if (errno != EINTR) {
      return fail(Fault::peer_lost, std::strerror(errno));
    }
  }
  return {};
}

Result<void> BlockingLink::send(std::span<const char> plain) {
  std::vector<char> out;
  auto& unsealed = transport_->to_seal(out);
  unsealed.insert(unsealed.end(), plain.begin(), plain.end());
  if (auto sealed = transport_->seal(out); !sealed) return sealed;
  return write(out);
}

Result<std::vector<char>> BlockingLink::receive(std::chrono::milliseconds patience) {
  const auto until = Clock::now() + patience;
  std::vector<char> bytes(transport_->wanted(64 * 1024).bytes);
  for (;;) {
    if (!wait(descriptor_, POLLIN, until)) return fail(Fault::timed_out, "it says nothing");
    const auto n = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
    if (n == 0) return fail(Fault::peer_lost, "the connection was closed by the other end");
    if (n < 0) {
      if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) continue;
      return fail(Fault::peer_lost, std::strerror(errno));
    }
    const bool was_established = transport_->established();
    std::vector<char> out;
    const auto plain = transport_->feed({bytes.data(), static_cast<std::size_t>(n)}, out);
    if (auto written = write(out); !written && plain) return tl::unexpected(written.error());
    if (!plain) return tl::unexpected(plain.error());
    if (!plain->empty() || (!was_established && transport_->established()))
      return std::vector(plain->begin(), plain->end());
  }
}

}  // namespace blindsight::net
