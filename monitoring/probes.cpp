#include "monitoring/probes.h"

#include "monitoring/registry.h"

namespace blindsight::monitoring {

void Counter::add(double amount) const {
  if (series_) series_->counter.Increment(amount);
}

void Gauge::set(double value) const {
  if (series_) series_->gauge.Set(value);
}

void Histogram::observe(double value) const {
  if (series_) series_->histogram.Observe(value);
}

}  // namespace blindsight::monitoring
