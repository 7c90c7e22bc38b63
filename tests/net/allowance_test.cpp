#include "net/allowance.h"

#include <doctest/doctest.h>

namespace blindsight::net {
namespace {

using namespace std::chrono_literals;

constexpr double at_once = 50;
constexpr Allowance::Seconds period = 1s;

int taken(Allowance& allowance, Allowance::Time from, Allowance::Time to, Allowance::Time::duration step) {
  int count = 0;
  for (; from < to; from += step) count += allowance.take(from, at_once, period) ? 1 : 0;
  return count;
}

TEST_CASE("an allowance lets as many through at once as it holds, and then no more than its rate") {
  Allowance allowance;
  const Allowance::Time start{};
  CHECK(taken(allowance, start, start + 1ms, 10us) == 50);
  CHECK_FALSE(allowance.take(start + 1ms, at_once, period));
  CHECK(taken(allowance, start + 1ms, start + 10s + 1ms, 1ms) == 500);
}

TEST_CASE("under a flood, what an allowance lets through comes evenly and not in bursts") {
  Allowance allowance;
  Allowance::Time now{};
  taken(allowance, now, now + 1ms, 10us);
  now += 1ms;
  for (int window = 0; window < 100; ++window, now += 100ms) {
    const int count = taken(allowance, now, now + 100ms, 1ms);
    CHECK(count >= 4);
    CHECK(count <= 6);
  }
}

TEST_CASE("an allowance saves up no more than it holds, and tells how long the next one takes") {
  Allowance allowance;
  Allowance::Time now{};
  taken(allowance, now, now + 1ms, 10us);
  now += 24h;
  CHECK(taken(allowance, now, now + 10us, 100ns) == 50);
  CHECK_FALSE(allowance.take(now + 10us, at_once, period));
  const auto wait = allowance.wait(at_once, period);
  CHECK(wait.count() > 0.0);
  CHECK(wait.count() <= 1 / at_once);
  now += 10us;
  CHECK_FALSE(allowance.take(now + 10ms, at_once, period));
  CHECK(allowance.take(now + std::chrono::duration_cast<Allowance::Time::duration>(wait) + 1us, at_once, period));
}

}  // namespace
}  // namespace blindsight::net
