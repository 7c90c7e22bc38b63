#include "client/loop.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <set>
#include <thread>
#include <vector>

using blindsight::client::Loop;
using Clock = Loop::Clock;
using namespace std::chrono_literals;

namespace {

/// Runs `work` on the loop's thread and waits for it.
template <class Work>
void on(Loop& loop, Work work) {
  std::promise<void> done;
  loop.post([&] {
    work();
    done.set_value();
  });
  done.get_future().get();
}

/// Something to be waited for: ready whenever it is signalled, until it has been called.
class Event final : public Loop::Watched {
 public:
  explicit Event(short wanted = POLLIN) : wanted_(wanted) {}
  ~Event() override { ::close(descriptor_); }
  int descriptor() const override { return descriptor_; }
  short wanted() const override { return wanted_; }
  void ready() override {
    eventfd_t ignored = 0;
    (void)::eventfd_read(descriptor_, &ignored);
    ++calls;
    if (then) then();
  }
  void signal() const { REQUIRE(::eventfd_write(descriptor_, 1) == 0); }

  std::atomic<int> calls = 0;
  std::function<void()> then;

 private:
  int descriptor_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  short wanted_;
};

}  // namespace

TEST_CASE("what is posted runs in its order, on one thread that is not the poster's") {
  Loop loop;
  std::vector<int> order;
  std::set<std::thread::id> threads;
  for (int i = 0; i < 100; ++i)
    loop.post([&, i] {
      order.push_back(i);
      threads.insert(std::this_thread::get_id());
      if (i == 50) loop.post([&] { order.push_back(1000); });
    });
  loop.stop();
  REQUIRE(order.size() == 101);
  CHECK(std::ranges::count(order, 1000) == 1);
  std::erase(order, 1000);
  CHECK(std::ranges::is_sorted(order));
  CHECK(threads.size() == 1);
  CHECK_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST_CASE("work wakes a loop that waits for nothing") {
  Loop loop;
  // Each waits for the one before: between two, the loop has nothing to do.
  for (int i = 0; i < 20; ++i) on(loop, [] {});
}

TEST_CASE(
    "timers run when they are due: the earliest first, at one time the first that was set, cancelled ones never") {
  Loop loop;
  std::vector<int> order;
  std::promise<void> last;
  on(loop, [&] {
    const auto now = Clock::now();
    loop.at(now + 3ms, [&] { order.push_back(3); });
    loop.at(now + 1ms, [&] { order.push_back(1); });
    loop.at(now + 1ms, [&] { order.push_back(2); });
    const auto cancelled = loop.at(now + 2ms, [&] { order.push_back(-1); });
    loop.at(now - 1h, [&] { order.push_back(0); });
    loop.at(now + 4ms, [&] { last.set_value(); });
    loop.cancel(cancelled);
  });
  last.get_future().get();
  CHECK(order == std::vector{0, 1, 2, 3});
}

TEST_CASE("a timer does not run before its time, and may set another") {
  Loop loop;
  std::promise<Clock::time_point> ran;
  const auto due = Clock::now() + 5ms;
  on(loop, [&] { loop.at(due - 3ms, [&] { loop.at(due, [&] { ran.set_value(Clock::now()); }); }); });
  CHECK(ran.get_future().get() >= due);
}

TEST_CASE("a loop that is stopped runs what was posted and forgets its timers") {
  bool posted = false, timer = false;
  {
    Loop loop;
    on(loop, [&] { loop.at(Clock::now() + 24h, [&] { timer = true; }); });
    // While the loop is busy, more is posted, and then it is stopped.
    std::promise<void> entered, leave;
    loop.post([&] {
      entered.set_value();
      leave.get_future().get();
    });
    entered.get_future().get();
    loop.post([&] { posted = true; });
    std::thread stopping([&] { loop.stop(); });
    std::this_thread::sleep_for(2ms);
    leave.set_value();
    stopping.join();
    CHECK(posted);
    loop.stop();
  }
  CHECK_FALSE(timer);
}

TEST_CASE("a socket is waited for from watch to unwatch") {
  Loop loop;
  Event event;
  std::promise<void> called;
  event.then = [&] { called.set_value(); };
  event.signal();
  on(loop, [] {});
  CHECK(event.calls == 0);
  on(loop, [&] { loop.watch(event); });
  called.get_future().get();
  on(loop, [&] { loop.unwatch(event); });
  event.signal();
  on(loop, [] {});
  on(loop, [] {});
  CHECK(event.calls == 1);
}

TEST_CASE("a socket is called for what it wants only") {
  Loop loop;
  // The first is readable and wants to know when it can be written, which is always; the second wants nothing.
  Event writer(POLLOUT), idle(0);
  std::promise<void> called;
  writer.then = [&] {
    loop.unwatch(writer);
    called.set_value();
  };
  idle.signal();
  on(loop, [&] {
    loop.watch(idle);
    loop.watch(writer);
  });
  called.get_future().get();
  on(loop, [&] { loop.unwatch(idle); });
  CHECK(writer.calls == 1);
  CHECK(idle.calls == 0);
}

TEST_CASE("one that is ready may unwatch another that is ready, too") {
  Loop loop;
  Event first, second;
  std::promise<void> called;
  const auto unwatch_both = [&] {
    loop.unwatch(first);
    loop.unwatch(second);
    called.set_value();
  };
  first.then = second.then = unwatch_both;
  on(loop, [&] {
    first.signal();
    second.signal();
    loop.watch(first);
    loop.watch(second);
  });
  called.get_future().get();
  on(loop, [] {});
  CHECK(first.calls + second.calls == 1);
}
