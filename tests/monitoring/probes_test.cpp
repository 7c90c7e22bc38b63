#include "monitoring/probes.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace blindsight::monitoring;

namespace {

/// The value on the line that starts with `series`; fails when there is none.
double value_of(const std::string& text, const std::string& series) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(series + ' ')) return std::stod(line.substr(series.size()));
  }
  FAIL("no series ", series, " in\n", text);
  return 0;
}

constexpr auto not_listed = counter("blindsight_not_listed_total", "things", "A metric beside the list");

/// Whether a registry has a probe of the metric for such values of its labels.
template <const auto& metric, class... Values>
constexpr bool has_probe = requires(Registry registry, const Values&... values) {
  registry.probe<metric>(values...);
};

using Text = std::string_view;
static_assert(has_probe<metrics::layer_sent_bytes, Text, Lane>);
static_assert(has_probe<metrics::layer_sent_bytes, std::string, Lane>);
static_assert(has_probe<metrics::packs_used>);
static_assert(!has_probe<metrics::layer_sent_bytes, Text>, "a label without a value");
static_assert(!has_probe<metrics::layer_sent_bytes, Text, Lane, Lane>, "a value without a label");
static_assert(!has_probe<metrics::packs_used, Text>, "a value without a label");
static_assert(!has_probe<metrics::layer_sent_bytes, Lane, Text>, "values in the wrong order");
static_assert(!has_probe<metrics::layer_sent_bytes, Text, Outcome>, "a value of another label");
static_assert(!has_probe<not_listed>, "a metric that dashboards and alerts are not tested against");

template <const auto& metric, class... Values>
using ProbeOf = decltype(std::declval<Registry>().probe<metric>(std::declval<Values>()...));

static_assert(std::is_same_v<ProbeOf<metrics::packs_used>, Counter>);
static_assert(std::is_same_v<ProbeOf<metrics::pack_pool_depth>, Gauge>);
static_assert(std::is_same_v<ProbeOf<metrics::query_seconds, Outcome>, Histogram>);

}  // namespace

TEST_CASE("a counter adds up, by its labels") {
  Registry registry;
  const auto online = registry.probe<metrics::layer_sent_bytes>("conv1", Lane::online);
  const auto ahead = registry.probe<metrics::layer_sent_bytes>("conv1", Lane::preprocessing);
  const auto seconds = registry.probe<metrics::layer_compute_seconds>("conv1", Lane::online);
  online.add(1000);
  online.add();
  ahead.add(9);
  seconds.add(0.25);
  seconds.add(0.5);
  const auto text = registry.text();
  CHECK(value_of(text, "blindsight_layer_sent_bytes_total{lane=\"online\",layer=\"conv1\"}") == 1001);
  CHECK(value_of(text, "blindsight_layer_sent_bytes_total{lane=\"preprocessing\",layer=\"conv1\"}") == 9);
  CHECK(value_of(text, "blindsight_layer_compute_seconds_total{lane=\"online\",layer=\"conv1\"}") == 0.75);
}

TEST_CASE("a gauge shows what it was set to last") {
  Registry registry;
  const auto depth = registry.probe<metrics::pack_pool_depth>();
  CHECK(value_of(registry.text(), "blindsight_pack_pool_depth") == 0);
  depth.set(7);
  depth.set(5);
  CHECK(value_of(registry.text(), "blindsight_pack_pool_depth") == 5);
}

TEST_CASE("a histogram counts into its metric's buckets") {
  Registry registry;
  const auto seconds = registry.probe<metrics::query_seconds>(Outcome::ok);
  seconds.observe(0.3);
  seconds.observe(30);
  const auto text = registry.text();
  CHECK(value_of(text, "blindsight_query_seconds_bucket{outcome=\"ok\",le=\"0.2\"}") == 0);
  CHECK(value_of(text, "blindsight_query_seconds_bucket{outcome=\"ok\",le=\"0.5\"}") == 1);
  CHECK(value_of(text, "blindsight_query_seconds_bucket{outcome=\"ok\",le=\"50\"}") == 2);
  CHECK(value_of(text, "blindsight_query_seconds_count{outcome=\"ok\"}") == 2);
  CHECK(value_of(text, "blindsight_query_seconds_sum{outcome=\"ok\"}") == doctest::Approx(30.3));
}

TEST_CASE("probes of the same layer and lane share one number, from many threads") {
  Registry registry;
  constexpr int threads = 4, repeats = 5000;
  std::vector<std::thread> all;
  all.reserve(threads);
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&registry] {
      const auto sent = registry.probe<metrics::layer_sent_bytes>("fc", Lane::online);
      const auto copy = sent;
      for (int i = 0; i < repeats; ++i) (i % 2 ? sent : copy).add(3);
    });
  }
  for (auto& thread : all) thread.join();
  CHECK(value_of(registry.text(), "blindsight_layer_sent_bytes_total{lane=\"online\",layer=\"fc\"}") ==
        threads * repeats * 3);
}

TEST_CASE("probes without a registry count nothing and outlive one") {
  auto none = Registry::null();
  none.probe<metrics::packs_used>().add();
  none.probe<metrics::pack_pool_depth>().set(1);
  none.probe<metrics::pack_seconds>().observe(1);
  none.build_info({});
  CHECK(none.text().empty());
  Counter counter;
  Gauge gauge;
  Histogram histogram;
  const auto count = [&] {
    counter.add();
    gauge.set(1);
    histogram.observe(1);
  };
  count();
  {
    Registry registry;
    counter = registry.probe<metrics::packs_used>();
    gauge = registry.probe<metrics::pack_pool_depth>();
    histogram = registry.probe<metrics::pack_seconds>();
  }
  count();
}
