#include "net/allowance.h"

#include <algorithm>

namespace blindsight::net {

bool Allowance::take(Time now, double at_once, Seconds period) {
  left_ = begun_ ? std::min(at_once, left_ + at_once * (Seconds(now - as_of_) / period)) : at_once;
  begun_ = true;
  as_of_ = now;
  if (left_ < 1) return false;
  --left_;
  return true;
}

}  // namespace blindsight::net
