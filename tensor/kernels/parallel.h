#pragma once

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/blocked_range2d.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace blindsight::tensor {

using Range = oneapi::tbb::blocked_range<std::size_t>;
using Range2d = oneapi::tbb::blocked_range2d<std::size_t>;

/// While it lives, in_parallel() of this thread shares its work with other cores, or does not. Whoever runs many calls
/// side by side says no: sharing out would cost more than it brings.
class InnerLoops {
 public:
  explicit InnerLoops(bool shared) : before_(state()) { state() = shared; }
  ~InnerLoops() { state() = before_; }
  InnerLoops(const InnerLoops&) = delete;
  InnerLoops& operator=(const InnerLoops&) = delete;

  static bool shared() { return state(); }

 private:
  static bool& state() {
    static thread_local bool shared = true;
    return shared;
  }
  bool before_;
};

/// body(part) for parts that make up `range`, in the caller's arena. Not named after oneTBB's own, which would win by
/// its argument's type.
///
/// Under the thread sanitizer in the calling thread: Debian's libtbb is not built for it, so every task handed over
/// would be reported as a race, and the reports that matter would drown.
template <class AnyRange, class Body>
void in_parallel(const AnyRange& range, const Body& body) {
#if defined(__SANITIZE_THREAD__)
  if (!range.empty()) body(range);
#else
  if (InnerLoops::shared())
    oneapi::tbb::parallel_for(range, body);
  else if (!range.empty())
    body(range);
#endif
}

inline std::size_t threads_here() {
  if (!InnerLoops::shared()) return 1;
  const int threads = oneapi::tbb::this_task_arena::max_concurrency();
  return threads > 1 ? static_cast<std::size_t>(threads) : 1;
}

}  // namespace blindsight::tensor
