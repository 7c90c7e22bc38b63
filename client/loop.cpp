#include "client/loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace blindsight::client {

Loop::Loop() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  thread_ = std::thread([this] { run(); });
}

Loop::~Loop() {
  stop();
  ::close(wake_);
}

void Loop::stop() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  (void)::eventfd_write(wake_, 1);
  thread_.join();
}

void Loop::post(std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    posted_.push_back(std::move(work));
  }
  (void)::eventfd_write(wake_, 1);
}

Loop::Timer Loop::at(Clock::time_point when, std::function<void()> work) {
  const Timer timer{when, timer_number_++};
  timers_.emplace(timer, std::move(work));
  return timer;
}

void Loop::run() {
  for (;;) {
    run_posted();
    run_timers();
    {
      const std::scoped_lock lock(mutex_);
      if (ending_ && posted_.empty()) return;
      if (!posted_.empty()) continue;
    }
    wait();
  }
}

void Loop::run_posted() {
  std::vector<std::function<void()>> work;
  {
    const std::scoped_lock lock(mutex_);
    work.swap(posted_);
  }
  for (auto& one : work) one();
}

void Loop::run_timers() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto work = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    work();
  }
}

void Loop::wait() {
  std::vector<pollfd> descriptors{{wake_, POLLIN, 0}};
  std::vector<Watched*> asked;
  for (auto* watched : watched_) {
    descriptors.push_back({watched->descriptor(), watched->wanted(), 0});
    asked.push_back(watched);
  }
  timespec left{};
  if (!timers_.empty()) {
    const auto until =
        std::chrono::duration_cast<std::chrono::nanoseconds>(timers_.begin()->first.first - Clock::now());
    const auto ns = std::max<std::int64_t>(0, until.count());
    left = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  }
  if (::ppoll(descriptors.data(), descriptors.size(), timers_.empty() ? nullptr : &left, nullptr) <= 0) return;
  if (descriptors[0].revents != 0) {
    eventfd_t ignored = 0;
    (void)::eventfd_read(wake_, &ignored);
  }
  // One that is ready may unwatch another.
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (descriptors[i + 1].revents != 0 && watched_.contains(asked[i])) asked[i]->ready();
}

}  // namespace blindsight::client
