#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace blindsight::client {

/// One thread that waits for sockets, deadlines and posted work. All that it calls must be short: it serves every
/// query of a client.
class Loop {
 public:
  using Clock = std::chrono::steady_clock;

  /// A socket that the loop waits for.
  class Watched {
   public:
    virtual ~Watched() = default;
    virtual int descriptor() const = 0;
    /// The events of poll(2) that it waits for.
    virtual short wanted() const = 0;
    virtual void ready() = 0;
  };

  Loop();
  /// As stop().
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs what was posted, forgets its timers and ends the thread; nothing may be posted any more. Not from the loop's
  /// own thread.
  void stop();

  /// From any thread: `work` runs on the loop's, after all that was posted before.
  void post(std::function<void()> work);

  /// Whether this is the loop's own thread.
  bool is_here() const { return std::this_thread::get_id() == thread_.get_id(); }

  // The rest on the loop's thread only.

  void watch(Watched& watched) { watched_.insert(&watched); }
  void unwatch(Watched& watched) { watched_.erase(&watched); }

  using Timer = std::pair<Clock::time_point, std::uint64_t>;
  Timer at(Clock::time_point when, std::function<void()> work);
  void cancel(const Timer& timer) { timers_.erase(timer); }

 private:
  void run();
  void run_posted();
  void run_timers();
  void wait();

  int wake_ = -1;  ///< eventfd: work was posted, or the loop is to end
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool ending_ = false;
  std::set<Watched*> watched_;
  std::map<Timer, std::function<void()>> timers_;
  std::uint64_t timer_number_ = 0;
  std::thread thread_;
};

}  // namespace blindsight::client
