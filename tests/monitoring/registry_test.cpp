#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "monitoring/probes.h"

using namespace blindsight::monitoring;

TEST_CASE("what a process is stands in labels") {
  Registry registry;
  registry.build_info({"0.1.0", "abc", "avx2", "blink", "server0"});
  CHECK(registry.text().find("blindsight_build_info{commit=\"abc\",isa=\"avx2\",protocol=\"blink\",role=\"server0\","
                             "version=\"0.1.0\"} 1\n") != std::string::npos);
}

TEST_CASE("/metrics explains what it shows, and shows nothing that was not asked for") {
  Registry registry;
  CHECK(registry.text().empty());
  registry.probe<metrics::packs_used>();
  registry.probe<metrics::queries_in_flight>();
  registry.probe<metrics::pack_seconds>();
  const auto text = registry.text();
  const auto explained = [&text](const Metric& metric, const std::string& type) {
    const std::string name(metric.name);
    return text.find("# HELP " + name + ' ' + std::string(metric.help) + "\n# TYPE " + name + ' ' + type + '\n') !=
           std::string::npos;
  };
  CHECK(explained(metrics::packs_used, "counter"));
  CHECK(explained(metrics::queries_in_flight, "gauge"));
  CHECK(explained(metrics::pack_seconds, "histogram"));
  CHECK_FALSE(explained(metrics::packs_burned, "counter"));
}

TEST_CASE("a hostile layer name cannot forge a series") {
  Registry registry;
  registry.probe<metrics::layer_sent_bytes>("x\"} 1\nblindsight_forged 1", Lane::online).add();
  CHECK(registry.text().find("\nblindsight_forged") == std::string::npos);
}

TEST_CASE("/metrics has the order of the list and not of first use, types apart") {
  Registry registry;
  registry.probe<metrics::packs_burned>();
  registry.probe<metrics::packs_dealt>();
  registry.probe<metrics::layer_rounds>("conv1", Lane::online);
  const auto text = registry.text();
  const auto at = [&text](const Metric& metric) { return text.find("# HELP " + std::string(metric.name)); };
  REQUIRE(at(metrics::packs_burned) != std::string::npos);
  CHECK(at(metrics::layer_rounds) < at(metrics::packs_dealt));
  CHECK(at(metrics::packs_dealt) < at(metrics::packs_burned));
}

TEST_CASE("a series that is asked for is shown as nothing counted, with its metric's labels and buckets") {
  Registry registry;
  registry.probe<metrics::layer_rounds>("conv1", Lane::preprocessing);
  registry.probe<metrics::link_queue_bytes>("server1", Lane::control);
  registry.probe<metrics::query_seconds>(Outcome::cancelled);
  const auto text = registry.text();
  CAPTURE(text);
  const auto shows = [&text](const std::string& line) { return text.find(line + '\n') != std::string::npos; };
  CHECK(shows("blindsight_layer_rounds_total{lane=\"preprocessing\",layer=\"conv1\"} 0"));
  CHECK(shows("blindsight_link_queue_bytes{lane=\"control\",peer=\"server1\"} 0"));
  for (const char* bound : {"0.01", "0.2", "100", "+Inf"})
    CHECK(shows("blindsight_query_seconds_bucket{outcome=\"cancelled\",le=\"" + std::string(bound) + "\"} 0"));
}

TEST_CASE("probes go on counting in the registry that theirs was moved to") {
  Registry first;
  const auto used = first.probe<metrics::packs_used>();
  used.add();
  Registry second = std::move(first);
  used.add();
  CHECK(second.text().find("blindsight_packs_used_total 2\n") != std::string::npos);
}
