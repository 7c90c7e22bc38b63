#include "apps/stop_signals.h"

#include <ctime>

namespace blindsight::apps {
namespace {

/// How soon the watcher notices that nobody needs it any more.
constexpr timespec look_up_every{0, 100'000'000};

}  // namespace

StopSignals::StopSignals(bool hang_up_too) {
  sigemptyset(&signals_);
  if (hang_up_too) sigaddset(&signals_, SIGHUP);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

StopSignals::~StopSignals() = default;

void StopSignals::on_signal(std::function<void()> stop, std::function<void()> reload) {
  watcher_ = std::jthread(
      [signals = signals_, stop = std::move(stop), reload = std::move(reload)](const std::stop_token& unneeded) {
        while (!unneeded.stop_requested()) {
          const int signal = sigtimedwait(&signals, nullptr, &look_up_every);
          if (signal == SIGHUP)
            reload();
          else if (signal > 0)
            return stop();
        }
      });
}

}  // namespace blindsight::apps
