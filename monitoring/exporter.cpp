#include "monitoring/exporter.h"

#include <CivetServer.h>
#include <netdb.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "monitoring/registry.h"

namespace blindsight::monitoring {
namespace {

/// civetweb reports a failed bind only on its log; the reason for a person comes from trying again by hand.
std::string why_not(const std::string& host, std::uint16_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found)) {
    return std::string(gai_strerror(error)) + "; write an address of this machine";
  }
  std::string reason = "the web server did not start";
  if (const int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0); fd >= 0) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Only listen tells of a port in use when the other end allows reuse.
    if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, 1) != 0) {
      reason = std::strerror(errno);
      if (errno == EADDRINUSE) reason = "the port is in use; stop the other process or choose another port";
      if (errno == EADDRNOTAVAIL) reason = "the address is not one of this machine; use one that is";
      if (errno == EACCES) reason = "this user may not bind that port; choose one above 1023";
    }
    close(fd);
  }
  freeaddrinfo(found);
  return reason;
}

}  // namespace

struct Exporter::Impl {
  CivetCallbacks callbacks;
  std::shared_ptr<prometheus::Registry> registry;
  std::optional<prometheus::Exposer> exposer;
};

tl::expected<Exporter, std::string> Exporter::listen(const Registry& registry, const std::string& host,
                                                     std::uint16_t port) {
  const std::string address =
      (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' + std::to_string(port);
  auto impl = std::make_unique<Impl>();
  impl->callbacks.log_message = [](const mg_connection*, const char*) {
    return 1;
  };  // keep standard error for our own messages
  impl->registry = registry.impl_ ? registry.impl_->registry : std::make_shared<prometheus::Registry>();
  // A scraper that stalls must not hold one of the two threads for long.
  const std::vector<std::string> options = {"listening_ports",    address, "num_threads", "2",
                                            "request_timeout_ms", "5000"};
  try {
    impl->exposer.emplace(options, &impl->callbacks);
  } catch (const CivetException&) {
    return tl::make_unexpected("metrics.listen = \"" + address +
                               "\": cannot serve metrics there: " + why_not(host, port));
  }
  impl->exposer->RegisterCollectable(impl->registry);
  return Exporter(std::move(impl));
}

Exporter::Exporter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Exporter::Exporter(Exporter&&) noexcept = default;
Exporter& Exporter::operator=(Exporter&&) noexcept = default;
Exporter::~Exporter() = default;

std::uint16_t Exporter::port() const {
  return static_cast<std::uint16_t>(impl_->exposer->GetListeningPorts().front());
}

}  // namespace blindsight::monitoring
