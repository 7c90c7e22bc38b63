#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"

namespace blindsight::test {

/// Stands between whoever dials and whoever listens, as the operator of a network does, and keeps a copy of all that
/// passes. One thread.
class RecordingProxy {
 public:
  explicit RecordingProxy(config::Address target);
  ~RecordingProxy();
  RecordingProxy(const RecordingProxy&) = delete;
  RecordingProxy& operator=(const RecordingProxy&) = delete;

  /// Where to dial instead of the target.
  config::Address address() const { return address_; }
  /// What went one way on one connection, for each way of each connection so far.
  std::vector<std::string> recordings() const;

 private:
  struct Way {
    int from, to;
    std::string bytes;
    bool open = true;
  };
  void run();
  void connect();
  static void pass_on(Way& way);

  const config::Address target_;
  int listening_ = -1;
  config::Address address_;
  std::vector<int> descriptors_;
  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;
  std::list<Way> ways_;
  std::thread thread_;
};

}  // namespace blindsight::test
