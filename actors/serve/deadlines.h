#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <vector>

namespace blindsight::actors {

/// When what is under way must have ended. A value: its actor asks how long it should sleep, sends itself one tick
/// after that time, and asks what is due when the tick comes. At most one tick is under way, however much is: a delayed
/// message of CAF's keeps its receiver alive, so that one for each query would keep queries that have long ended.
template <class Key>
class Deadlines {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Sets the deadline of `key`, or moves it.
  void set(const Key& key, Time at) {
    erase(key);
    times_.emplace(key, order_.emplace(at, key));
  }
  void erase(const Key& key) {
    const auto found = times_.find(key);
    if (found == times_.end()) return;
    order_.erase(found->second);
    times_.erase(found);
  }
  /// After which time a tick is to be sent now; none while one is under way, or when nothing waits.
  std::optional<Time::duration> tick_after(Time now) {
    if (ticking_ || order_.empty()) return std::nullopt;
    ticking_ = true;
    return std::max(order_.begin()->first - now, Time::duration::zero());
  }
  /// The tick has come: what is due, the earliest first. It is forgotten here.
  std::vector<Key> tick(Time now) {
    ticking_ = false;
    std::vector<Key> due;
    while (!order_.empty() && order_.begin()->first <= now) {
      due.push_back(order_.begin()->second);
      erase(due.back());
    }
    return due;
  }

 private:
  using Order = std::multimap<Time, Key>;
  Order order_;
  std::map<Key, typename Order::iterator> times_;
  bool ticking_ = false;
};

}  // namespace blindsight::actors
