#include "tests/actors/support/recording_proxy.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

#include "net/socket.h"

namespace blindsight::test {

RecordingProxy::RecordingProxy(config::Address target) : target_(std::move(target)) {
  const auto made = net::listen_on({"127.0.0.1", 0});
  if (!made) throw std::runtime_error(made.error().what);
  listening_ = *made;
  address_ = {"127.0.0.1", net::bound_port(listening_)};
  thread_ = std::thread([this] { run(); });
}

RecordingProxy::~RecordingProxy() {
  ending_ = true;
  thread_.join();
  for (const int descriptor : descriptors_) ::close(descriptor);
  ::close(listening_);
}

std::vector<std::string> RecordingProxy::recordings() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> all;
  for (const auto& way : ways_) all.push_back(way.bytes);
  return all;
}

void RecordingProxy::connect() {
  const int near = ::accept(listening_, nullptr, nullptr);
  if (near < 0) return;
  const auto far = net::connect_to(target_, std::chrono::seconds(10));
  if (!far) {
    ::close(near);
    return;
  }
  for (const int descriptor : {near, *far}) {
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    descriptors_.push_back(descriptor);
  }
  const std::scoped_lock lock(mutex_);
  ways_.push_back({near, *far, {}});
  ways_.push_back({*far, near, {}});
}

void RecordingProxy::pass_on(Way& way) {
  char bytes[65536];
  const auto n = ::recv(way.from, bytes, sizeof bytes, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    ::shutdown(way.to, SHUT_WR);
    way.open = false;
    return;
  }
  way.bytes.append(bytes, static_cast<std::size_t>(n));
  for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
    const auto sent = ::send(way.to, bytes + at, static_cast<std::size_t>(n) - at, MSG_NOSIGNAL);
    if (sent > 0) {
      at += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN || errno == EINTR) {
      pollfd p{way.to, POLLOUT, 0};
      ::poll(&p, 1, 5);
    } else {
      way.open = false;
      return;
    }
  }
}

void RecordingProxy::run() {
  while (!ending_) {
    std::vector<pollfd> wanted{{listening_, POLLIN, 0}};
    // Only this thread adds or removes ways: others read what they hold.
    for (const auto& way : ways_)
      if (way.open) wanted.push_back({way.from, POLLIN, 0});
    ::poll(wanted.data(), wanted.size(), 5);
    if (wanted.front().revents != 0) connect();
    const std::scoped_lock lock(mutex_);
    for (auto& way : ways_)
      if (way.open) pass_on(way);
  }
}

}  // namespace blindsight::test
