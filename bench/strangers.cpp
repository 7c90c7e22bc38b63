// Strangers at a party's listener for clients: so many TLS handshakes a second with a key that nobody knows, each to
// its end. For scripts/bench.d/strangers.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/config.h"
#include "net/lookup.h"
#include "wire/tls.h"

namespace {

using namespace blindsight;
using Clock = std::chrono::steady_clock;

/// More at a time are not begun: whoever answers so late is beaten already.
constexpr std::size_t most_open = 4096;
constexpr std::chrono::seconds patience{5};

struct Arguments {
  std::string config;
  double per_second = 1000, seconds = 5;
};

/// How the attempts ended.
struct Counts {
  std::size_t begun = 0, turned_away = 0, answered = 0, unanswered = 0, not_begun = 0;
};

class Stranger {
 public:
  Stranger(const net::Endpoint& target, const wire::TlsContext& tls)
      : descriptor_(::socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        transport_(tls.connect({{protocol::PartyId::server0}, "the party under attack"})),
        deadline_(Clock::now() + patience) {
    if (descriptor_ < 0) return;
    const int connected = ::connect(descriptor_, target.generic(), target.size);
    over_ = (connected != 0 && errno != EINPROGRESS) || !transport_->begin(out_);
  }
  Stranger(Stranger&& other) noexcept = delete;
  ~Stranger() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  pollfd wanted() const { return {descriptor_, static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT), 0}; }
  bool answered() const { return answered_; }
  bool over(Clock::time_point now) const { return descriptor_ < 0 || over_ || now > deadline_; }
  bool late(Clock::time_point now) const { return !over_ && now > deadline_; }

  void moved(short events) {
    if (events & POLLOUT) write();
    if (events & (POLLIN | POLLHUP | POLLERR)) read();
  }

 private:
  void write() {
    const auto n = ::send(descriptor_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n > 0)
      out_.erase(out_.begin(), out_.begin() + n);
    else if (errno != EAGAIN && errno != EINTR)
      over_ = true;
  }
  void read() {
    char bytes[8192];
    const auto n = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (n > 0) {
      answered_ = true;
      // Its refusal comes as an alert, which is the end.
      over_ = !transport_->feed({bytes, static_cast<std::size_t>(n)}, out_);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      over_ = true;
    }
  }

  int descriptor_;
  std::unique_ptr<wire::Transport> transport_;
  Clock::time_point deadline_;
  std::vector<char> out_;
  bool answered_ = false, over_ = false;
};

Counts attack(const net::Endpoint& target, const wire::TlsContext& tls, const Arguments& a) {
  Counts counts;
  std::vector<std::unique_ptr<Stranger>> open;
  const auto pause = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / a.per_second));
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(a.seconds));
  auto next = Clock::now();
  while (Clock::now() < end) {
    for (auto now = Clock::now(); next <= now; next += pause) {
      if (open.size() >= most_open) {
        ++counts.not_begun;
        continue;
      }
      open.push_back(std::make_unique<Stranger>(target, tls));
      ++counts.begun;
    }
    std::vector<pollfd> polled;
    polled.reserve(open.size());
    for (const auto& stranger : open) polled.push_back(stranger->wanted());
    // To the nanosecond: whole milliseconds would be none, and the time that is measured at others would be ours.
    const auto left = std::max<Clock::duration>(next - Clock::now(), Clock::duration::zero());
    const timespec patience_left{0, std::min<long>(std::chrono::nanoseconds(left).count(), 999'999'999)};
    (void)::ppoll(polled.data(), polled.size(), &patience_left, nullptr);
    for (std::size_t i = 0; i < polled.size(); ++i)
      if (polled[i].revents != 0) open[i]->moved(polled[i].revents);
    std::erase_if(open, [&](const auto& stranger) {
      const auto now = Clock::now();
      if (!stranger->over(now)) return false;
      ++(stranger->answered() ? counts.answered : stranger->late(now) ? counts.unanswered : counts.turned_away);
      return true;
    });
  }
  counts.unanswered += open.size();
  return counts;
}

int stop(const std::string& why) {
  std::fprintf(stderr, "strangers: %s\n", why.c_str());
  return 2;
}

int run(const Arguments& a) {
  const auto config = config::load_client(a.config);
  if (!config) return stop(config.error().text());
  const auto& pins = config->pins.server0;
  if (pins.empty()) return stop("the configuration pins no key of server 0");
  const auto targets = net::look_up(config->server0);
  if (!targets) return stop(targets.error().what);

  // The party's own key is public knowledge: a stranger who takes the answer for right goes on to the end.
  const auto tls = wire::TlsContext::make(wire::Credentials::generate("stranger", std::chrono::system_clock::now()),
                                          {{pins.front(), {protocol::PartyId::server0, "server0", pins.front()}}});
  const auto begin = Clock::now();
  const auto counts = attack(targets->front(), *tls, a);
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  std::puts(nlohmann::ordered_json{{"seconds", took},
                                   {"begun", counts.begun},
                                   {"turned_away", counts.turned_away},
                                   {"answered", counts.answered},
                                   {"unanswered", counts.unanswered},
                                   {"not_begun", counts.not_begun}}
                .dump()
                .c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const usage =
      "usage: strangers --config client.toml [--rate N] [--seconds S]\n\n"
      "Begins N TLS handshakes a second (default 1000) with server 0 for S seconds (default 5), at the listener for\n"
      "clients, with a key that no party knows. Prints a line of JSON: begun; of them turned_away (closed before an\n"
      "answer), answered (the party has done its half of the handshake, and refused), unanswered; not_begun: no place\n"
      "for them here.\n";
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fputs(usage, stdout);
      return 0;
    }
    const std::string value = i + 1 < argc ? argv[++i] : "";
    if (argument == "--config")
      a.config = value;
    else if (argument == "--rate")
      a.per_second = std::strtod(value.c_str(), nullptr);
    else if (argument == "--seconds")
      a.seconds = std::strtod(value.c_str(), nullptr);
    else
      a.seconds = 0;
  }
  if (a.config.empty() || a.per_second <= 0 || a.seconds <= 0) {
    std::fputs(usage, stderr);
    return 2;
  }
  return run(a);
}
