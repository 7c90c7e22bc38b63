#include "monitoring/probes.h"

#include <doctest/doctest.h>

#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "monitoring/metric_names.h"

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

}  // namespace

TEST_CASE("a layer's probe counts by layer and lane") {
  Registry registry;
  const auto online = registry.layer("conv1", Lane::online), ahead = registry.layer("conv1", Lane::preprocessing);
  online.computed(0.25);
  online.computed(0.5);
  online.waited(2);
  online.sent_bytes(1000);
  online.received_bytes(3000);
  online.finished_rounds(4);
  online.queue_length(7);
  online.queue_length(5);
  ahead.sent_bytes(9);
  const auto text = registry.text();
  CHECK(value_of(text, "blindsight_layer_compute_seconds_total{lane=\"online\",layer=\"conv1\"}") == 0.75);
  CHECK(value_of(text, "blindsight_layer_wait_seconds_total{lane=\"online\",layer=\"conv1\"}") == 2);
  CHECK(value_of(text, "blindsight_layer_sent_bytes_total{lane=\"online\",layer=\"conv1\"}") == 1000);
  CHECK(value_of(text, "blindsight_layer_received_bytes_total{lane=\"online\",layer=\"conv1\"}") == 3000);
  CHECK(value_of(text, "blindsight_layer_rounds_total{lane=\"online\",layer=\"conv1\"}") == 4);
  CHECK(value_of(text, "blindsight_layer_queue_length{lane=\"online\",layer=\"conv1\"}") == 5);
  CHECK(value_of(text, "blindsight_layer_sent_bytes_total{lane=\"preprocessing\",layer=\"conv1\"}") == 9);
}

TEST_CASE("links, peers, queries and packs are counted") {
  Registry registry;
  const auto link = registry.link("server1", Lane::control);
  link.sent_frame(100);
  link.sent_frame(50);
  link.received_frame(7);
  link.queue_bytes(12);
  const auto peer = registry.peer("server1");
  peer.connected();
  peer.disconnected();
  peer.connected();
  const auto queries = registry.queries();
  queries.in_flight(3);
  queries.finished(Outcome::ok, 0.3);
  queries.finished(Outcome::ok, 30);
  queries.finished(Outcome::cancelled, 1);
  queries.finished(Outcome::refused, 0);
  const auto packs = registry.packs();
  packs.dealt(1.5);
  packs.dealt(0.5);
  packs.used();
  packs.burned();
  packs.pool_depth(2);
  registry.build_info({"0.1.0", "abc", "avx2", "blink", "server0"});

  const auto text = registry.text();
  CHECK(value_of(text, "blindsight_link_sent_bytes_total{lane=\"control\",peer=\"server1\"}") == 150);
  CHECK(value_of(text, "blindsight_link_sent_frames_total{lane=\"control\",peer=\"server1\"}") == 2);
  CHECK(value_of(text, "blindsight_link_received_bytes_total{lane=\"control\",peer=\"server1\"}") == 7);
  CHECK(value_of(text, "blindsight_link_received_frames_total{lane=\"control\",peer=\"server1\"}") == 1);
  CHECK(value_of(text, "blindsight_link_queue_bytes{lane=\"control\",peer=\"server1\"}") == 12);
  CHECK(value_of(text, "blindsight_peer_connected{peer=\"server1\"}") == 1);
  CHECK(value_of(text, "blindsight_peer_connections_total{peer=\"server1\"}") == 2);
  CHECK(value_of(text, "blindsight_peer_disconnections_total{peer=\"server1\"}") == 1);
  CHECK(value_of(text, "blindsight_queries_in_flight") == 3);
  CHECK(value_of(text, "blindsight_queries_total{outcome=\"ok\"}") == 2);
  CHECK(value_of(text, "blindsight_queries_total{outcome=\"failed\"}") == 0);
  CHECK(value_of(text, "blindsight_queries_total{outcome=\"cancelled\"}") == 1);
  CHECK(value_of(text, "blindsight_queries_total{outcome=\"refused\"}") == 1);
  CHECK(value_of(text, "blindsight_query_seconds_bucket{outcome=\"ok\",le=\"0.5\"}") == 1);
  CHECK(value_of(text, "blindsight_query_seconds_sum{outcome=\"ok\"}") == doctest::Approx(30.3));
  CHECK(value_of(text, "blindsight_packs_dealt_total") == 2);
  CHECK(value_of(text, "blindsight_packs_used_total") == 1);
  CHECK(value_of(text, "blindsight_packs_burned_total") == 1);
  CHECK(value_of(text, "blindsight_pack_pool_depth") == 2);
  CHECK(value_of(text, "blindsight_pack_seconds_sum") == 2);
  CHECK(
      value_of(
          text,
          "blindsight_build_info{commit=\"abc\",isa=\"avx2\",protocol=\"blink\",role=\"server0\",version=\"0.1.0\"}") ==
      1);
}

TEST_CASE("the same layer and lane share one counter, from many threads") {
  Registry registry;
  constexpr int threads = 4, repeats = 5000;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&registry] {
      const auto probe = registry.layer("fc", Lane::online);
      for (int i = 0; i < repeats; ++i) probe.sent_bytes(3);
    });
  }
  for (auto& thread : all) thread.join();
  CHECK(value_of(registry.text(), "blindsight_layer_sent_bytes_total{lane=\"online\",layer=\"fc\"}") ==
        threads * repeats * 3);
}

TEST_CASE("probes without a registry count nothing and outlive one") {
  auto none = Registry::null();
  none.layer("a", Lane::online).computed(1);
  none.link("p", Lane::control).sent_frame(1);
  none.peer("p").connected();
  none.queries().finished(Outcome::ok, 1);
  none.packs().dealt(1);
  none.build_info({});
  CHECK(none.text().empty());
  LayerProbe().computed(1);

  LayerProbe probe;
  {
    Registry registry;
    probe = registry.layer("a", Lane::online);
  }
  probe.computed(1);
}

TEST_CASE("a hostile layer name cannot forge a series") {
  Registry registry;
  registry.layer("x\"} 1\nblindsight_forged 1", Lane::online).sent_bytes(1);
  CHECK(registry.text().find("\nblindsight_forged") == std::string::npos);
}

TEST_CASE("every listed metric is exported with its labels, and nothing else is") {
  Registry registry;
  registry.layer("a", Lane::online);
  registry.link("p", Lane::control);
  registry.peer("p");
  registry.queries();
  registry.packs();
  registry.build_info({});
  const auto text = registry.text();
  std::set<std::string> exported;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("# TYPE ")) exported.insert(line.substr(7));
  }
  std::set<std::string> listed;
  for (const auto& metric : metrics::all) {
    constexpr std::string_view types[] = {"counter", "gauge", "histogram"};
    listed.insert(std::string(metric.name) + ' ' + std::string(types[static_cast<int>(metric.type)]));
    CAPTURE(metric.name);
    CHECK(text.find("# HELP " + std::string(metric.name) + ' ' + std::string(metric.help) + '\n') != std::string::npos);
    CHECK_FALSE(metric.unit.empty());
    CHECK(metric.name.starts_with("blindsight_"));
    CHECK(metric.name.ends_with("_total") == (metric.type == MetricType::counter));
    CHECK((metric.type == MetricType::histogram) == !metric.buckets.empty());
    // The first series of the family carries exactly the listed labels.
    std::size_t labels = 0;
    for (auto label : metric.labels) labels += !label.empty();
    const auto series =
        text.find('\n' + std::string(metric.name) + (metric.type == MetricType::histogram ? "_sum" : ""));
    REQUIRE(series != std::string::npos);
    const auto line = text.substr(series + 1, text.find('\n', series + 1) - series - 1);
    CAPTURE(line);
    std::size_t equals = 0;
    for (char c : line) equals += c == '=';
    CHECK(equals == labels);
    for (auto label : metric.labels) {
      if (!label.empty()) CHECK(line.find(std::string(label) + "=\"") != std::string::npos);
    }
  }
  CHECK(exported == listed);
}
