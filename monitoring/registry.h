#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <memory>
#include <string_view>

#include "monitoring/metric_names.h"
#include "monitoring/probes.h"

namespace blindsight::monitoring {

/// The families of metric_names.h, registered with prometheus-cpp.
struct Registry::Impl {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();

  Impl();

  /// The metric of that name and those labels, made on first use. The name must be in the list with that type.
  prometheus::Counter* counter(std::string_view name, const prometheus::Labels& labels) const;
  prometheus::Gauge* gauge(std::string_view name, const prometheus::Labels& labels) const;
  prometheus::Histogram* histogram(std::string_view name, const prometheus::Labels& labels) const;

 private:
  struct HistogramFamily {
    prometheus::Family<prometheus::Histogram>* family;
    prometheus::Histogram::BucketBoundaries buckets;
  };
  std::map<std::string_view, prometheus::Family<prometheus::Counter>*> counters_;
  std::map<std::string_view, prometheus::Family<prometheus::Gauge>*> gauges_;
  std::map<std::string_view, HistogramFamily> histograms_;
};

}  // namespace blindsight::monitoring
