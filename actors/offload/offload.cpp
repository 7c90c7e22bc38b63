#include "actors/offload/offload.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

namespace blindsight::actors {
namespace {

unsigned or_cores(unsigned threads) {
  return threads > 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
}

/// Smaller runs first.
using Place = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;

}  // namespace

struct Offload::Impl {
  struct Queue {
    Queue(unsigned threads, tbb::task_arena::priority priority) : arena(static_cast<int>(threads), 0, priority) {}
    tbb::task_arena arena;
    std::multimap<Place, std::unique_ptr<Work>> waiting;
  };

  Impl(unsigned online_threads, unsigned preprocessing_threads, bool is_ordered)
      // One more than the workers: oneTBB counts a calling thread that never works here.
      : parallelism(tbb::global_control::max_allowed_parallelism,
                    std::max(or_cores(online_threads), or_cores(preprocessing_threads)) + 1),
        online(or_cores(online_threads), tbb::task_arena::priority::high),
        preprocessing(or_cores(preprocessing_threads), tbb::task_arena::priority::low),
        ordered(is_ordered) {}

  tbb::global_control parallelism;
  std::mutex mutex;
  std::condition_variable idle;
  Queue online, preprocessing;
  bool ordered;
  std::size_t unfinished = 0;
};

Offload::Offload(unsigned online_threads, unsigned preprocessing_threads, bool ordered)
    : impl_(std::make_unique<Impl>(online_threads, preprocessing_threads, ordered)) {}

Offload::~Offload() {
  std::unique_lock lock(impl_->mutex);
  impl_->idle.wait(lock, [&] { return impl_->unfinished == 0; });
}

void Offload::enqueue(Urgency urgency, std::unique_ptr<Work> work) {
  auto& queue = urgency.lane == wire::Lane::preprocessing ? impl_->preprocessing : impl_->online;
  {
    const std::scoped_lock lock(impl_->mutex);
    ++impl_->unfinished;
    const Place place =
        impl_->ordered ? Place{static_cast<std::uint64_t>(urgency.lane), urgency.query, ~std::uint64_t{urgency.stage}}
                       : Place{};
    queue.waiting.emplace(place, std::move(work));
  }
  // Each task takes the most urgent work there is when it runs, which need not be the one that it was enqueued for.
  queue.arena.enqueue([impl = impl_.get(), &queue] {
    std::unique_ptr<Work> next;
    {
      const std::scoped_lock lock(impl->mutex);
      next = std::move(queue.waiting.begin()->second);
      queue.waiting.erase(queue.waiting.begin());
    }
    next->run();
    next.reset();
    const std::scoped_lock lock(impl->mutex);
    if (--impl->unfinished == 0) impl->idle.notify_all();
  });
}

}  // namespace blindsight::actors
