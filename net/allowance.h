#pragma once

#include <chrono>

namespace blindsight::net {

/// How often something may begin: a bucket that is full at first, from which each taking takes one and into which they
/// come back evenly. What comes faster than the rate for long is let through one by one, not a period's worth at the
/// start of each period: between two of them there is time for whoever else needs the thread.
class Allowance {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Seconds = std::chrono::duration<double>;

  /// Whether one more may begin, of which `at_once` may begin in a row and as many in each `period`; counts it.
  bool take(Time now, double at_once, Seconds period);
  /// After a taking that was refused: until the next would not be. The arguments are those of take().
  Seconds wait(double at_once, Seconds period) const { return (1 - left_) * (period / at_once); }

 private:
  double left_ = 0;
  bool begun_ = false;
  Time as_of_{};
};

}  // namespace blindsight::net
