#include "monitoring/registry.h"

#include <prometheus/text_serializer.h>

namespace blindsight::monitoring {

Registry::Impl::Impl() {
  for (const Metric& metric : metrics::all) {
    const std::string name(metric.name), help(metric.help);
    switch (metric.type) {
      case MetricType::counter:
        counters_[metric.name] = &prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
        break;
      case MetricType::gauge:
        gauges_[metric.name] = &prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
        break;
      case MetricType::histogram:
        histograms_[metric.name] = {&prometheus::BuildHistogram().Name(name).Help(help).Register(*registry),
                                    {metric.buckets.begin(), metric.buckets.end()}};
        break;
    }
  }
}

prometheus::Counter* Registry::Impl::counter(std::string_view name, const prometheus::Labels& labels) const {
  return &counters_.at(name)->Add(labels);
}

prometheus::Gauge* Registry::Impl::gauge(std::string_view name, const prometheus::Labels& labels) const {
  return &gauges_.at(name)->Add(labels);
}

prometheus::Histogram* Registry::Impl::histogram(std::string_view name, const prometheus::Labels& labels) const {
  const auto& [family, buckets] = histograms_.at(name);
  return &family->Add(labels, buckets);
}

Registry::Registry() : impl_(std::make_shared<Impl>()) {}
Registry::Registry(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;
Registry::~Registry() = default;

Registry Registry::null() {
  return Registry(std::shared_ptr<Impl>());
}

void Registry::build_info(const BuildInfo& info) {
  if (!impl_) return;
  impl_
      ->gauge("blindsight_build_info", {{"version", info.version},
                                        {"commit", info.commit},
                                        {"isa", info.isa},
                                        {"protocol", info.protocol},
                                        {"role", info.role}})
      ->Set(1);
}

std::string Registry::text() const {
  return impl_ ? prometheus::TextSerializer().Serialize(impl_->registry->Collect()) : std::string();
}

}  // namespace blindsight::monitoring
