#include "net/lookup.h"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <thread>

using namespace blindsight;
using namespace std::chrono_literals;
using net::Endpoints;
using net::Lookup;
using protocol::Fault;
using protocol::Result;

namespace {

using Clock = std::chrono::steady_clock;

const config::Address somewhere{"somewhere.example", 7100};

/// A name server that knows one machine.
Result<Endpoints> third(const config::Address&) {
  return net::look_up({"127.0.0.3", 7100});
}

/// A name server that answers when this ends.
class Unanswered {
 public:
  ~Unanswered() { answer_.set_value(); }
  Lookup lookup() const {
    return [answered = answered_](const config::Address&) -> Result<Endpoints> {
      answered.wait();
      return Endpoints{};
    };
  }

 private:
  std::promise<void> answer_;
  std::shared_future<void> answered_ = answer_.get_future().share();
};

}  // namespace

TEST_CASE("addresses in numbers stand for themselves") {
  const auto four = net::look_up({"127.0.0.2", 7100});
  REQUIRE(four);
  REQUIRE(four->size() == 1);
  CHECK(four->front().host() == "127.0.0.2");
  const auto six = net::look_up({"::1", 7100});
  REQUIRE(six);
  CHECK(six->front().host() == "::1");
}

TEST_CASE("what the look-up finds, and why it finds nothing, is handed on") {
  const auto found = net::look_up_until(third, somewhere, Clock::now() + 24h, nullptr);
  REQUIRE(found);
  CHECK(found->front().host() == "127.0.0.3");
  // Longer than a name may be: nobody is asked for it.
  const auto none = net::look_up_until(net::look_up, {std::string(300, 'a'), 1}, Clock::now() + 24h, nullptr);
  REQUIRE_FALSE(none);
  CHECK(none.error().fault == Fault::usage);
}

TEST_CASE("an address in numbers is asked of nobody, however little time there is") {
  const Unanswered server;
  const auto found = net::look_up_until(server.lookup(), {"::1", 1}, Clock::now(), nullptr);
  REQUIRE(found);
  CHECK(found->front().host() == "::1");
}

TEST_CASE("a name server that does not answer is waited for until the deadline, or until it is called off") {
  const Unanswered server;
  const auto late = net::look_up_until(server.lookup(), somewhere, Clock::now() + 10ms, nullptr);
  REQUIRE_FALSE(late);
  CHECK(late.error().fault == Fault::peer_lost);
  CHECK(late.error().what.find(somewhere.host) != std::string::npos);
  const std::atomic<bool> cancelled = true;
  const auto off = net::look_up_until(server.lookup(), somewhere, Clock::now() + 24h, &cancelled);
  REQUIRE_FALSE(off);
  CHECK(off.error().fault == Fault::peer_lost);
}

TEST_CASE("only so many look-ups are left behind, and as soon as they end there is room again") {
  // Outlives those that are left behind.
  const auto asked = std::make_shared<std::atomic<int>>(0);
  {
    const Unanswered server;
    const Lookup counted = [asked, lookup = server.lookup()](const config::Address& address) {
      ++*asked;
      return lookup(address);
    };
    // One that is refused at once is not started: without a bound this would be a thread each.
    int refused = 0;
    for (int i = 0; i < 100; ++i)
      if (!net::look_up_until(counted, somewhere, Clock::now(), nullptr)) ++refused;
    CHECK(refused == 100);
    CHECK(*asked <= 32);
  }
  bool answered = false;
  for (int i = 0; i < 10'000 && !answered; ++i) {
    answered = net::look_up_until(third, somewhere, Clock::now() + 1h, nullptr).has_value();
    if (!answered) std::this_thread::sleep_for(1ms);
  }
  CHECK(answered);
}
