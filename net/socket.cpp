#include "net/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace blindsight::net {
namespace {

using protocol::fail;
using protocol::Result;
using Clock = std::chrono::steady_clock;

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<AddressList> resolve(const config::Address& address, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int rc = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (rc != 0)
    return fail(protocol::Fault::usage, "the host name " + address.host + " cannot be resolved: " + gai_strerror(rc) +
                                            "; check the address in the configuration");
  return AddressList(list, freeaddrinfo);
}

std::string system_error() {
  return std::strerror(errno);
}

int new_socket(const addrinfo& a) {
  return socket(a.ai_family, a.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a.ai_protocol);
}

/// 0 or the reason.
int wait_connected(int fd, Clock::time_point until, const std::atomic<bool>* cancelled) {
  for (;;) {
    if (cancelled != nullptr && *cancelled) return ECANCELED;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
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

}  // namespace

Result<int> listen_on(const config::Address& address, const char* key) {
  auto list = resolve(address, AI_PASSIVE);
  if (!list) return tl::unexpected(list.error());
  std::string reason = "no address";
  for (const addrinfo* a = list->get(); a != nullptr; a = a->ai_next) {
    const int fd = new_socket(*a);
    if (fd < 0) {
      reason = system_error();
      continue;
    }
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 64) == 0) return fd;
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

Result<int> connect_to(const config::Address& address, std::chrono::milliseconds deadline,
                       const std::atomic<bool>* cancelled) {
  const auto until = Clock::now() + deadline;
  auto list = resolve(address, 0);
  if (!list) return tl::unexpected(list.error());
  std::string reason = "no address";
  for (const addrinfo* a = list->get(); a != nullptr; a = a->ai_next) {
    const int fd = new_socket(*a);
    if (fd < 0) {
      reason = system_error();
      continue;
    }
    int error = 0;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
      error = errno == EINPROGRESS ? wait_connected(fd, until, cancelled) : errno;
    if (error == 0) {
      tune_link(fd);
      return fd;
    }
    close(fd);
    reason = error == ECONNREFUSED ? "nothing listens there yet"
             : error == ETIMEDOUT  ? "no answer in " + std::to_string(deadline.count()) + " ms"
                                   : std::strerror(error);
  }
  return fail(protocol::Fault::peer_lost, "no connection to " + config::to_string(address) + ": " + reason);
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
