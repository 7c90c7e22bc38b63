#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <memory>

#include "monitoring/probes.h"

namespace blindsight::monitoring {

// A probe's number, and what keeps it alive.
struct Counter::Series {
  std::shared_ptr<const void> owner;
  prometheus::Counter& counter;
};
struct Gauge::Series {
  std::shared_ptr<const void> owner;
  prometheus::Gauge& gauge;
};
struct Histogram::Series {
  std::shared_ptr<const void> owner;
  prometheus::Histogram& histogram;
};

/// The families of metrics.h, registered with prometheus-cpp.
struct Registry::Impl {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();

  Impl();

  // The registry gives the family that it has, if it has one of that name.
  prometheus::Family<prometheus::Counter>& counters(const Metric& metric) const;
  prometheus::Family<prometheus::Gauge>& gauges(const Metric& metric) const;
  prometheus::Family<prometheus::Histogram>& histograms(const Metric& metric) const;
};

}  // namespace blindsight::monitoring
