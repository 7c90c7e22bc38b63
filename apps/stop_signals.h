#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace blindsight::apps {

/// SIGINT and SIGTERM (and, where it is asked for, SIGHUP) as something to wait for: blocked from the construction on,
/// in this thread and in those that it starts later, so that no code ever runs inside a signal handler. Make it before
/// any other thread.
class StopSignals {
 public:
  explicit StopSignals(bool hang_up_too = false);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Calls `stop` once, from a thread of its own, when the first signal comes.
  void on_signal(std::function<void()> stop) { on_signal(std::move(stop), {}); }
  /// The same; and `reload`, from the same thread, at each SIGHUP, if that was asked for.
  void on_signal(std::function<void()> stop, std::function<void()> reload);

 private:
  sigset_t signals_{};
  std::jthread watcher_;
};

}  // namespace blindsight::apps
