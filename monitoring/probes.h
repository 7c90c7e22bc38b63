#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "monitoring/metrics.h"

/// Probes count for /metrics. A default-constructed probe counts nothing; copies share one number, as do all probes of
/// the same metric and label values. They are cheap to copy, stay valid after their registry is gone, and all verbs may
/// be called from any thread at any time. A counter's or gauge's verb costs one atomic operation on a number that needs
/// no order with others; a histogram's takes a lock of its own.
namespace blindsight::monitoring {

class Counter {
 public:
  /// `amount` is not negative.
  void add(double amount = 1) const;

 private:
  friend class Registry;
  struct Series;
  std::shared_ptr<const Series> series_;
};

class Gauge {
 public:
  void set(double value) const;

 private:
  friend class Registry;
  struct Series;
  std::shared_ptr<const Series> series_;
};

class Histogram {
 public:
  /// Counts one value, in the metric's unit.
  void observe(double value) const;

 private:
  friend class Registry;
  struct Series;
  std::shared_ptr<const Series> series_;
};

/// What this process is; exported once as labels.
struct BuildInfo {
  std::string version, commit, isa, protocol, role;
};

/// Owns all metrics of one process. Made in main and passed down. Thread-safe.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;

  /// A registry whose probes count nothing: for tests and tools that export nothing.
  static Registry null();

  /// The probe of a listed metric (a Counter, Gauge or Histogram) for one value of each of its labels, in their order:
  ///
  ///   registry.probe<metrics::layer_sent_bytes>("conv1", Lane::online).add(100);
  ///
  /// From then on the series is shown, 0 until something is counted. Resolve once, keep the probe: this call takes a
  /// lock.
  template <const auto& metric, class... Values>
  requires(metrics::is_listed(metric) &&
           requires(const Values&... values) { metric.texts(values...); }) auto probe(const Values&... values) {
    return series<typename std::remove_cvref_t<decltype(metric)>::Probe>(metric, metric.texts(values...));
  }

  void build_info(const BuildInfo& info);

  /// The metrics in Prometheus' text format, as the exporter would serve them.
  std::string text() const;

 private:
  friend class Exporter;
  struct Impl;
  explicit Registry(std::shared_ptr<Impl> impl);

  /// `values` belong to the metric's labels in their order.
  template <class Probe>
  Probe series(const Metric& metric, std::span<const std::string_view> values);

  std::shared_ptr<Impl> impl_;
};

template <>
Counter Registry::series(const Metric& metric, std::span<const std::string_view> values);
template <>
Gauge Registry::series(const Metric& metric, std::span<const std::string_view> values);
template <>
Histogram Registry::series(const Metric& metric, std::span<const std::string_view> values);

}  // namespace blindsight::monitoring
