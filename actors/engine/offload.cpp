#include "actors/engine/offload.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include "actors/engine/cores.h"
#include "tensor/kernels/parallel.h"

namespace blindsight::actors {
namespace {

/// Smaller runs first.
using Place = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;

/// Of the operating system's steps of courtesy the last but one.
constexpr int courteous = 18;

/// Far more than a worker takes to wake up, far less than anybody notices.
constexpr std::chrono::milliseconds forgotten_after{5};

}  // namespace

/// Work in order of its places, with a count of what is not finished.
class Offload::Queue {
 public:
  void add(const Place& place, std::unique_ptr<Work> work) {
    {
      const std::scoped_lock lock(mutex_);
      ++unfinished_;
      waiting_.emplace(place, std::move(work));
      if (asleep_) forgotten_.notify_one();
    }
    changed_.notify_one();
  }

  /// Runs the most urgent work there is, which need not be the one last added. Waits for one; false after end().
  bool run_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
    return run_first(lock);
  }

  /// The same without waiting; false when there is none.
  bool try_run_one() {
    std::unique_lock lock(mutex_);
    return run_first(lock);
  }

  /// Returns when work has waited for `patience` in which nobody worked at all; false after end(). Looks now and then
  /// while there is work, so that adding some costs no waking up, and sleeps when there has been none for long.
  bool wait_until_forgotten(std::chrono::milliseconds patience) {
    constexpr int looks_before_sleep = 200;
    std::unique_lock lock(mutex_);
    for (int idle = 0;; ++idle) {
      if (idle > looks_before_sleep) {
        asleep_ = true;
        forgotten_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
        asleep_ = false;
      }
      const auto begun = begun_;
      if (forgotten_.wait_for(lock, patience, [this] { return ended_; })) return false;
      if (begun_ != begun) idle = 0;
      if (begun_ == begun && running_ == 0 && !waiting_.empty()) return true;
    }
  }

  void wait_until_idle() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return unfinished_ == 0; });
  }

  void end() {
    {
      const std::scoped_lock lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    forgotten_.notify_all();
  }

 private:
  bool run_first(std::unique_lock<std::mutex>& lock) {
    if (waiting_.empty()) return false;
    auto next = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    ++running_;
    ++begun_;
    lock.unlock();
    next->run();
    next.reset();
    lock.lock();
    --running_;
    if (--unfinished_ == 0) idle_.notify_all();
    return true;
  }

  std::mutex mutex_;
  std::condition_variable changed_, idle_, forgotten_;
  std::multimap<Place, std::unique_ptr<Work>> waiting_;
  std::size_t unfinished_ = 0, running_ = 0;
  std::uint64_t begun_ = 0;
  bool ended_ = false, asleep_ = false;
};

namespace {

/// Keeps what oneTBB may hold for ever: a task that it has not begun when somebody else did the work, it begins when it
/// likes, which may be never. What nobody else holds any more goes with the next that is kept.
void keep_what_tasks_hold(std::shared_ptr<void> queue) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::shared_ptr<void>>;  // tasks may begin after the end of main()
  const std::scoped_lock lock(mutex);
  std::erase_if(kept, [](const auto& k) { return k.use_count() == 1; });
  kept.push_back(std::move(queue));
}

}  // namespace

struct Offload::Impl {
  Impl(unsigned online_threads, unsigned preprocessing_threads, bool is_ordered)
      // One more than the workers: oneTBB counts a calling thread that never works here.
      : ordered(is_ordered),
        parallelism(tbb::global_control::max_allowed_parallelism, or_cores(online_threads) + 1),
        arena(static_cast<int>(or_cores(online_threads)), 0) {
    for (unsigned i = 0; i < or_cores(preprocessing_threads); ++i) threads.emplace_back([this] { prepare(); });
    threads.emplace_back([this] { remember(); });
  }

  /// Not in an arena of oneTBB: its arenas share their workers, and a worker that has given way can never stand up
  /// for online work again without a privilege.
  void prepare() {
    if (ordered) (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), courteous);
    // There are bands enough for every core.
    const tensor::InnerLoops inner(false);
    while (preprocessing.run_one()) continue;
  }

  /// oneTBB 2021.8 can leave an arena that has work without any worker for good when several arenas of a process ask at
  /// the same time, as three parties in one process do: then somebody must do it.
  void remember() {
    while (online->wait_until_forgotten(forgotten_after)) arena.execute([this] { (void)online->try_run_one(); });
  }

  const bool ordered;
  /// Shared with what oneTBB has not begun yet, which may be after all work was done and the offload has gone.
  const std::shared_ptr<Queue> online = std::make_shared<Queue>();
  Queue preprocessing;
  tbb::global_control parallelism;
  tbb::task_arena arena;
  std::vector<std::thread> threads;
};

Offload::Offload(unsigned online_threads, unsigned preprocessing_threads, bool ordered)
    : impl_(std::make_unique<Impl>(online_threads, preprocessing_threads, ordered)) {}

Offload::~Offload() {
  impl_->online->wait_until_idle();
  impl_->preprocessing.wait_until_idle();
  impl_->preprocessing.end();
  impl_->online->end();
  for (auto& thread : impl_->threads) thread.join();
  keep_what_tasks_hold(impl_->online);
}

void Offload::enqueue(Urgency urgency, std::unique_ptr<Work> work) {
  const bool ahead = urgency.lane == wire::Lane::preprocessing;
  auto& queue = ahead ? impl_->preprocessing : *impl_->online;
  queue.add(impl_->ordered
                ? Place{static_cast<std::uint64_t>(urgency.lane), urgency.pack, ~std::uint64_t{urgency.value}}
                : Place{},
            std::move(work));
  if (!ahead) impl_->arena.enqueue([online = impl_->online] { (void)online->try_run_one(); });
}

}  // namespace blindsight::actors
