#include "apps/stop_signals.h"

#include <ctime>

namespace blindsight::apps {
namespace {

/// How soon the watcher notices that nobody needs it any more.
constexpr timespec look_up_every{0, 100'000'000};

}  // namespace

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

StopSignals::~StopSignals() = default;

void StopSignals::on_signal(std::function<void()> stop) {
  watcher_ = std::jthread([signals = signals_, stop = std::move(stop)](const std::stop_token& unneeded) {
    while (!unneeded.stop_requested())
      if (sigtimedwait(&signals, nullptr, &look_up_every) > 0) return stop();
  });
}

}  // namespace blindsight::apps
