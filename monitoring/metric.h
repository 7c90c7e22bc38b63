#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "monitoring/labels.h"

namespace blindsight::monitoring {

class Counter;
class Gauge;
class Histogram;

enum class MetricType : std::uint8_t { counter, gauge, histogram };

inline constexpr std::size_t most_labels = 5;

/// One metric as /metrics shows it.
struct Metric {
  std::string_view name;
  MetricType type;
  std::string_view unit;
  std::string_view help;
  /// Names of its labels; unused places are empty.
  std::array<std::string_view, most_labels> labels{};
  /// Upper bounds of a histogram's buckets, in `unit`.
  std::span<const double> buckets{};
};

/// A label's value as /metrics shows it.
template <class Value>
std::string_view label_text(const Value& value) {
  if constexpr (std::is_same_v<Value, std::string_view>)
    return value;
  else
    return name(value);
}

/// A metric that is counted with a `ProbeType` and has one label for each of `Values`, the type of that label's values.
template <class ProbeType, class... Values>
struct TypedMetric : Metric {
  static_assert(sizeof...(Values) <= most_labels);
  using Probe = ProbeType;

  /// One value for each label, in the order of their declaration. The texts are the values' own.
  static std::array<std::string_view, sizeof...(Values)> texts(const Values&... values) {
    return {label_text(values)...};
  }
};

/// A total that only grows; its name ends in _total.
template <class... Values>
constexpr TypedMetric<Counter, Values...> counter(std::string_view name, std::string_view unit, std::string_view help,
                                                  Label<Values>... labels) {
  return {{name, MetricType::counter, unit, help, {labels.name...}}};
}

/// A value that rises and falls.
template <class... Values>
constexpr TypedMetric<Gauge, Values...> gauge(std::string_view name, std::string_view unit, std::string_view help,
                                              Label<Values>... labels) {
  return {{name, MetricType::gauge, unit, help, {labels.name...}}};
}

/// A distribution; `buckets` are upper bounds in rising order and live as long as the program.
template <class... Values>
constexpr TypedMetric<Histogram, Values...> histogram(std::string_view name, std::string_view unit,
                                                      std::string_view help, std::span<const double> buckets,
                                                      Label<Values>... labels) {
  return {{name, MetricType::histogram, unit, help, {labels.name...}, buckets}};
}

}  // namespace blindsight::monitoring
