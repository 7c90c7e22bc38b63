// Throughput and round trips of a pair of link actors over loopback, beside plain sockets: what framing, copies and
// actors cost. The two ends live in actor systems of their own, as in two processes, but share this process's cores.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "actors/link/link.h"
#include "actors/link/messages.h"
#include "net/socket.h"

namespace blindsight::actors {
namespace {

using protocol::Payload;
using wire::Kind;
using wire::Lane;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t session = 1;
constexpr protocol::ModelNumber model = 1;
constexpr std::size_t round_trip_bytes = 64;
/// Sent and not yet received: a link would queue all there is, and a query never has so much under way.
constexpr std::size_t window_bytes = 16 << 20;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class T>
T value(protocol::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  return *std::move(result);
}

/// Both ends of one TCP connection over loopback.
struct Connection {
  Connection() {
    const int listening = value(net::listen_on({"127.0.0.1", 0}));
    near = value(net::connect_to({"127.0.0.1", net::bound_port(listening)}, std::chrono::seconds(5)));
    pollfd ready{listening, POLLIN, 0};
    ::poll(&ready, 1, 5000);
    far = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ::close(listening);
    if (far < 0) throw std::runtime_error("the connection over loopback was not accepted");
  }
  int near = -1, far = -1;
};

struct SystemConfig : caf::actor_system_config {
  SystemConfig() { load<caf::io::middleman>(); }
};

/// One end: a link, and an actor to which all that arrives goes.
class End {
 public:
  explicit End(int descriptor) : self_(system_) {
    link_ = spawn_link(system_, descriptor, {}, caf::actor_cast<caf::actor>(self_));
    Routes routes;
    routes.peer = protocol::PartyId::server1;
    routes.session = session;
    routes.model = model;
    routes.control = caf::actor_cast<caf::actor>(self_);
    routes.layers = {caf::actor_cast<caf::actor>(self_)};
    routes.frame_bytes = config::LinkConfig{}.frame_bytes;
    routes.message_bytes = std::size_t{1} << 30;
    self_->send(link_, routes);
  }
  ~End() {
    self_->send(link_, CloseLink{});
    self_->wait_for(link_);
  }

  void send(Lane lane, Payload payload) {
    const auto kind = lane == Lane::preprocessing ? Kind::deal : Kind::online;
    self_->send(
        link_,
        Send{Parcel(wire::Message{{kind, lane, session, protocol::making(0, 1, 0, model), 0}, std::move(payload)})});
  }
  Payload receive() {
    Payload payload;
    std::string down;
    self_->receive([&](const Arrived& m) { payload = m.message.take().payload; },
                   [&](const LinkDown& m) { down = m.error.what; });
    if (!down.empty()) throw std::runtime_error("the link went down: " + down);
    return payload;
  }

 private:
  SystemConfig config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_;
  caf::actor link_;
};

/// The same with plain sockets that are read and written by this thread.
class PlainEnd {
 public:
  explicit PlainEnd(int descriptor) : descriptor_(descriptor) { net::tune_link(descriptor); }
  ~PlainEnd() { ::close(descriptor_); }
  PlainEnd(const PlainEnd&) = delete;

  void send(Lane, const Payload& payload) {
    for (std::size_t done = 0; done < payload.size();) {
      const auto n = ::send(descriptor_, payload.data() + done, payload.size() - done, MSG_NOSIGNAL);
      if (n < 0)
        wait(POLLOUT);
      else
        done += static_cast<std::size_t>(n);
    }
  }
  Payload receive(std::size_t bytes) {
    Payload payload(bytes);
    for (std::size_t done = 0; done < bytes;) {
      const auto n = ::recv(descriptor_, payload.data() + done, bytes - done, 0);
      if (n == 0) throw std::runtime_error("the plain socket was closed");
      if (n < 0)
        wait(POLLIN);
      else
        done += static_cast<std::size_t>(n);
    }
    return payload;
  }

 private:
  void wait(short what) const {
    if (errno != EAGAIN && errno != EWOULDBLOCK) throw std::runtime_error(std::strerror(errno));
    pollfd ready{descriptor_, what, 0};
    ::poll(&ready, 1, -1);
  }

  int descriptor_;
};

Payload receive(End& end, std::size_t) {
  return end.receive();
}
Payload receive(PlainEnd& end, std::size_t bytes) {
  return end.receive(bytes);
}

/// Bytes that differ from message to message and inside each.
Payload content(std::size_t bytes, std::size_t number) {
  Payload payload(bytes);
  for (std::size_t i = 0; i < bytes; ++i) payload[i] = static_cast<std::uint8_t>((i * 131 + (i >> 8) + number * 17));
  return payload;
}

template <class AnyEnd>
void check(AnyEnd& near, AnyEnd& far, const char* what) {
  std::size_t number = 0;
  for (const auto lane : {Lane::online, Lane::preprocessing})
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{1000}, std::size_t{300'001}, std::size_t{5'000'000}}) {
      const auto sent = content(bytes, number);
      std::thread sender([&] { near.send(lane, Payload(sent)); });
      const auto there = receive(far, bytes);
      sender.join();
      far.send(lane, Payload(there.begin(), there.begin() + 1));
      const auto back = receive(near, 1);
      if (there != sent || back.size() != 1 || back.front() != sent.front())
        throw std::runtime_error(std::string(what) + " changed a message of " + std::to_string(bytes) + " bytes");
      ++number;
    }
}

/// Bytes per second, one way, until the last message is in the receiver's hands.
template <class AnyEnd>
double throughput(AnyEnd& near, AnyEnd& far, Lane lane, std::size_t bytes, std::size_t count) {
  const Payload payload = content(bytes, 0);
  const std::size_t window = std::max<std::size_t>(2, window_bytes / bytes);
  std::atomic<std::size_t> arrived = 0;
  const auto start = Clock::now();
  std::thread sender([&] {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t seen = arrived; i - seen >= window; seen = arrived) arrived.wait(seen);
      near.send(lane, Payload(payload));
    }
  });
  for (std::size_t i = 0; i < count; ++i) {
    if (receive(far, bytes).size() != bytes) throw std::runtime_error("a message came with another length");
    ++arrived;
    arrived.notify_one();
  }
  const double seconds = since(start);
  sender.join();
  return static_cast<double>(bytes * count) / seconds;
}

struct RoundTrip {
  double median_s = 0, p95_s = 0;
};

template <class AnyEnd>
RoundTrip round_trip(AnyEnd& near, AnyEnd& far, std::size_t count) {
  std::vector<double> times;
  std::thread echo([&] {
    for (std::size_t i = 0; i < count; ++i) far.send(Lane::online, receive(far, round_trip_bytes));
  });
  for (std::size_t i = 0; i < count; ++i) {
    const auto start = Clock::now();
    near.send(Lane::online, content(round_trip_bytes, i));
    receive(near, round_trip_bytes);
    times.push_back(since(start));
  }
  echo.join();
  std::ranges::sort(times);
  return {times[times.size() / 2], times[times.size() * 95 / 100]};
}

int run(bool small) {
  const std::size_t total = small ? 8 << 20 : 512 << 20;
  const std::size_t trips = small ? 200 : 5000;
  const Connection for_links, for_plain;
  End near(for_links.near), far(for_links.far);
  PlainEnd plain_near(for_plain.near), plain_far(for_plain.far);
  check(near, far, "a link");
  check(plain_near, plain_far, "a plain socket");

  std::printf("%-26s %12s %12s %12s\n", "one way", "links", "plain", "links/plain");
  std::string lines;
  for (const auto lane : {Lane::online, Lane::preprocessing})
    for (const std::size_t bytes :
         {std::size_t{1} << 10, std::size_t{1} << 16, std::size_t{1} << 20, std::size_t{1} << 22}) {
      // Small messages are bound by their number.
      const std::size_t count = std::max<std::size_t>(2, std::min(total / bytes, trips * 10));
      const double ours = throughput(near, far, lane, bytes, count);
      const double plain = throughput(plain_near, plain_far, lane, bytes, count);
      const char* const name = lane == Lane::online ? "online" : "preprocessing";
      std::printf("%-13s %7zu KiB  %7.2f GB/s %7.2f GB/s %11.2f\n", name, bytes >> 10, ours / 1e9, plain / 1e9,
                  ours / plain);
      char line[200];
      std::snprintf(line, sizeof line,
                    "%s{\"lane\":\"%s\",\"message_bytes\":%zu,\"bytes_per_s\":%.4g,\"plain_bytes_per_s\":%.4g}",
                    lines.empty() ? "" : ",", name, bytes, ours, plain);
      lines += line;
    }
  const auto ours = round_trip(near, far, trips), plain = round_trip(plain_near, plain_far, trips);
  std::printf("%-26s %9.1f us %9.1f us %11.2f\n", "round trip, median", ours.median_s * 1e6, plain.median_s * 1e6,
              ours.median_s / plain.median_s);
  std::printf("%-26s %9.1f us %9.1f us %11.2f\n", "round trip, p95", ours.p95_s * 1e6, plain.p95_s * 1e6,
              ours.p95_s / plain.p95_s);
  std::printf(
      "{\"benchmark\":\"links\",\"round_trip_s\":%.4g,\"round_trip_p95_s\":%.4g,\"plain_round_trip_s\":%.4g,"
      "\"plain_round_trip_p95_s\":%.4g,\"lines\":[%s]}\n",
      ours.median_s, ours.p95_s, plain.median_s, plain.p95_s, lines.c_str());
  return 0;
}

}  // namespace
}  // namespace blindsight::actors

int main(int argc, char** argv) {
  const char* const usage =
      "usage: bench_links [--small]\n\n"
      "Throughput by lane and message size, and round trips of 64 bytes, between two link actors over loopback and\n"
      "between two plain sockets. Checks contents first; the last line is JSON. --small: a second, for tests.\n";
  bool small = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--small") {
      small = true;
    } else {
      const bool asked = argument == "--help" || argument == "-h";
      std::fputs(usage, asked ? stdout : stderr);
      return asked ? 0 : 2;
    }
  }
  try {
    return blindsight::actors::run(small);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_links: %s\n", error.what());
    return 1;
  }
}
