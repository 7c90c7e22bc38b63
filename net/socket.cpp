#include "net/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace blindsight::net {
namespace {

using protocol::fail;
using protocol::Result;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::string system_error() {
  return std::strerror(errno);
}

int new_socket(const Endpoint& endpoint) {
  return socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// 0 or the reason.
int wait_connected(int fd, Clock::time_point until, const std::atomic<bool>* cancelled) {
  for (;;) {
    if (cancelled != nullptr && *cancelled) return ECANCELED;
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now()).count();
    if (left <= 0) return ETIMEDOUT;
    pollfd p{fd, POLLOUT, 0};
    // Short slices only where somebody may cancel.
    const int ready = poll(&p, 1, static_cast<int>(cancelled != nullptr ? std::min<long>(left, 50) : left));
    if (ready < 0 && errno != EINTR) return errno;
    if (ready > 0) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      return error;
    }
  }
}

void set_option(int fd, int level, int option, int value) {
  (void)setsockopt(fd, level, option, &value, sizeof value);
}

/// A connected socket, or the negated reason.
int connect_until(const Endpoint& endpoint, Clock::time_point until, const std::atomic<bool>* cancelled) {
  const int fd = new_socket(endpoint);
  if (fd < 0) return -errno;
  int error = 0;
  if (connect(fd, endpoint.generic(), endpoint.size) != 0)
    error = errno == EINPROGRESS ? wait_connected(fd, until, cancelled) : errno;
  if (error == 0) return fd;
  close(fd);
  return -error;
}

std::string why_not(int error, milliseconds waited) {
  if (error == ECONNREFUSED) return "nothing listens there yet";
  if (error == ETIMEDOUT) return "no answer in " + std::to_string(waited.count()) + " ms";
  return std::strerror(error);
}

}  // namespace

Result<int> listen_on(const config::Address& address, const char* key) {
  const auto endpoints = look_up_to_listen(address);
  if (!endpoints) return tl::unexpected(endpoints.error());
  std::string reason = "no address";
  for (const auto& endpoint : *endpoints) {
    const int fd = new_socket(endpoint);
    if (fd < 0) {
      reason = system_error();
      continue;
    }
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(fd, endpoint.generic(), endpoint.size) == 0 && listen(fd, 64) == 0) return fd;
    reason =
        errno == EADDRINUSE ? "the port is in use by another process; stop it or choose another port" : system_error();
    close(fd);
  }
  return fail(protocol::Fault::usage,
              "cannot listen on " + config::to_string(address) + " (key `" + key + "`): " + reason);
}

std::uint16_t bound_port(int descriptor) {
  sockaddr_storage a{};
  socklen_t size = sizeof a;
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&a), &size) != 0) return 0;
  return ntohs(a.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&a)->sin6_port
                                       : reinterpret_cast<sockaddr_in*>(&a)->sin_port);
}

Result<int> connect_to(const config::Address& address, milliseconds deadline, const std::atomic<bool>* cancelled,
                       const Lookup& lookup) {
  const auto begin = Clock::now();
  const auto until = begin + deadline;
  // A name that is found late leaves time to connect.
  const auto endpoints = look_up_until(lookup, address, begin + deadline / 2, cancelled);
  if (!endpoints) return tl::unexpected(endpoints.error());
  std::string reasons;
  for (std::size_t i = 0; i < endpoints->size() && (cancelled == nullptr || !*cancelled); ++i) {
    const auto& endpoint = (*endpoints)[i];
    const auto now = Clock::now();
    const auto share = (until - now) / static_cast<Clock::rep>(endpoints->size() - i);
    const int fd = connect_until(endpoint, now + share, cancelled);
    if (fd >= 0) {
      tune_link(fd);
      return fd;
    }
    if (!reasons.empty()) reasons += "; ";
    if (endpoints->size() > 1) reasons += endpoint.host() + ": ";
    reasons += why_not(-fd, std::chrono::duration_cast<milliseconds>(share));
  }
  if (reasons.empty()) reasons = endpoints->empty() ? "no address" : "called off";
  return fail(protocol::Fault::peer_lost, "no connection to " + config::to_string(address) + ": " + reasons);
}

void tune_link(int descriptor) {
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 512 * 1024);
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, 4);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 2);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, 10'000);
}

Result<void> check_loopback(const config::Address& address, const char* what) {
  if (config::is_loopback(address)) return {};
  return fail(protocol::Fault::usage,
              std::string(what) + " " + config::to_string(address) +
                  " leaves this machine, and insecure_plaintext_links = true encrypts nothing: use loopback addresses, "
                  "or leave that key out");
}

}  // namespace blindsight::net
