#include "net/lookup.h"

#include <netdb.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

namespace blindsight::net {
namespace {

using protocol::fail;
using protocol::Fault;
using protocol::Result;
using Clock = std::chrono::steady_clock;

/// More than any party has peers, so that one name without an answer does not keep the others from being asked for.
constexpr int most_under_way = 32;
constexpr std::chrono::milliseconds look_every{50};

/// 0, or getaddrinfo's reason.
int ask_system(const config::Address& address, int flags, Endpoints& endpoints) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int rc = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (rc != 0) return rc;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
    Endpoint endpoint;
    endpoint.size = a->ai_addrlen;
    std::memcpy(&endpoint.address, a->ai_addr, a->ai_addrlen);
    endpoints.push_back(endpoint);
  }
  return 0;
}

Result<Endpoints> resolve(const config::Address& address, int flags) {
  Endpoints endpoints;
  if (const int rc = ask_system(address, flags, endpoints); rc != 0)
    return fail(Fault::usage, "the host name " + address.host + " cannot be resolved: " + gai_strerror(rc) +
                                  "; check the address in the configuration");
  return endpoints;
}

/// What the thread that looks up and the one that waits for it share.
struct Pending {
  std::mutex mutex;
  std::condition_variable done;
  std::optional<Result<Endpoints>> result;
};

/// Counts look-ups that have not ended.
class UnderWay {
 public:
  UnderWay() : admitted_(++count() <= most_under_way) {}
  ~UnderWay() { --count(); }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  bool admitted() const { return admitted_; }

 private:
  static std::atomic<int>& count() {
    static std::atomic<int> all = 0;
    return all;
  }
  bool admitted_;
};

}  // namespace

std::string Endpoint::host() const {
  std::array<char, NI_MAXHOST> text{};
  if (getnameinfo(generic(), size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return "?";
  return text.data();
}

Result<Endpoints> look_up(const config::Address& address) {
  return resolve(address, 0);
}

Result<Endpoints> look_up_to_listen(const config::Address& address) {
  return resolve(address, AI_PASSIVE);
}

Result<Endpoints> look_up_until(const Lookup& lookup, const config::Address& address, Clock::time_point until,
                                const std::atomic<bool>* cancelled) {
  // Numbers are nobody's to look up: no thread, which may be late where much else runs.
  if (Endpoints numbers; ask_system(address, AI_NUMERICHOST, numbers) == 0) return numbers;
  const auto begin = Clock::now();
  auto slot = std::make_shared<UnderWay>();
  if (!slot->admitted())
    return fail(Fault::peer_lost, std::to_string(most_under_way) + " look-ups of host names are without an answer, " +
                                      address.host + " is not asked for: do this machine's name servers answer?");
  const auto pending = std::make_shared<Pending>();
  try {
    std::thread([lookup, address, pending, slot = std::move(slot)]() mutable {
      auto result = lookup(address);
      // Before anybody knows the answer: whoever has it may ask again.
      slot.reset();
      const std::scoped_lock lock(pending->mutex);
      pending->result = std::move(result);
      pending->done.notify_all();
    }).detach();
  } catch (const std::system_error& error) {
    return fail("no thread to look up the host name " + address.host + ": " + error.what());
  }
  std::unique_lock lock(pending->mutex);
  while (!pending->result) {
    const auto now = Clock::now();
    if (cancelled != nullptr && *cancelled)
      return fail(Fault::peer_lost, "the look-up of the host name " + address.host + " was called off");
    if (now >= until) {
      const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin).count();
      return fail(Fault::peer_lost, "the host name " + address.host + " was not resolved in " + std::to_string(waited) +
                                        " ms: do this machine's name servers answer?");
    }
    // Short slices only where somebody may cancel.
    pending->done.wait_until(lock, cancelled != nullptr ? std::min(until, now + look_every) : until);
  }
  return std::move(*pending->result);
}

}  // namespace blindsight::net
