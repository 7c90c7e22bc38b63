#include "monitoring/registry.h"

#include <prometheus/text_serializer.h>

namespace blindsight::monitoring {
namespace {

prometheus::Labels labels_of(const Metric& metric, std::span<const std::string_view> values) {
  prometheus::Labels labels;
  for (std::size_t i = 0; i < values.size(); ++i) labels.emplace(metric.labels[i], values[i]);
  return labels;
}

}  // namespace

Registry::Impl::Impl() {
  // Here, so that /metrics has the list's order and not that of first use.
  for (const Metric* metric : metrics::all) {
    switch (metric->type) {
      case MetricType::counter:
        counters(*metric);
        break;
      case MetricType::gauge:
        gauges(*metric);
        break;
      case MetricType::histogram:
        histograms(*metric);
        break;
    }
  }
}

prometheus::Family<prometheus::Counter>& Registry::Impl::counters(const Metric& metric) const {
  return prometheus::BuildCounter().Name(std::string(metric.name)).Help(std::string(metric.help)).Register(*registry);
}

prometheus::Family<prometheus::Gauge>& Registry::Impl::gauges(const Metric& metric) const {
  return prometheus::BuildGauge().Name(std::string(metric.name)).Help(std::string(metric.help)).Register(*registry);
}

prometheus::Family<prometheus::Histogram>& Registry::Impl::histograms(const Metric& metric) const {
  return prometheus::BuildHistogram().Name(std::string(metric.name)).Help(std::string(metric.help)).Register(*registry);
}

Registry::Registry() : impl_(std::make_shared<Impl>()) {}
Registry::Registry(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;
Registry::~Registry() = default;

Registry Registry::null() {
  return Registry(std::shared_ptr<Impl>());
}

template <>
Counter Registry::series(const Metric& metric, std::span<const std::string_view> values) {
  Counter probe;
  if (!impl_) return probe;
  auto& counter = impl_->counters(metric).Add(labels_of(metric, values));
  probe.series_ = std::make_shared<const Counter::Series>(Counter::Series{impl_, counter});
  return probe;
}

template <>
Gauge Registry::series(const Metric& metric, std::span<const std::string_view> values) {
  Gauge probe;
  if (!impl_) return probe;
  auto& gauge = impl_->gauges(metric).Add(labels_of(metric, values));
  probe.series_ = std::make_shared<const Gauge::Series>(Gauge::Series{impl_, gauge});
  return probe;
}

template <>
Histogram Registry::series(const Metric& metric, std::span<const std::string_view> values) {
  Histogram probe;
  if (!impl_) return probe;
  const prometheus::Histogram::BucketBoundaries buckets(metric.buckets.begin(), metric.buckets.end());
  auto& histogram = impl_->histograms(metric).Add(labels_of(metric, values), buckets);
  probe.series_ = std::make_shared<const Histogram::Series>(Histogram::Series{impl_, histogram});
  return probe;
}

void Registry::build_info(const BuildInfo& info) {
  probe<metrics::build_info>(info.version, info.commit, info.isa, info.protocol, info.role).set(1);
}

std::string Registry::text() const {
  return impl_ ? prometheus::TextSerializer().Serialize(impl_->registry->Collect()) : std::string();
}

}  // namespace blindsight::monitoring
