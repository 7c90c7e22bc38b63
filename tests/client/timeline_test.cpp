#include "client/timeline.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/xml.h"

using namespace blindsight;
using namespace blindsight::tests;
using client::timeline_svg;
using wire::Interval;
using Kind = wire::Interval::Kind;

namespace {

wire::QueryReport report_of(const std::vector<std::string>& layers, std::uint32_t bands) {
  wire::QueryReport report;
  for (std::uint32_t s = 0; s < 2; ++s) {
    report.servers[s].online_s = 0.25;
    for (std::uint32_t i = 0; i < layers.size(); ++i) {
      wire::LayerReport layer;
      layer.name = layers[i];
      layer.rounds = 1;
      for (std::uint32_t band = 0; band < bands; ++band) {
        const auto begin = 1 + 1000 * i + 50 * band;
        layer.intervals.push_back({Kind::queue, band, begin - 1, begin, 0});
        layer.intervals.push_back({Kind::compute, band, begin, begin + 400, 0});
        layer.intervals.push_back({Kind::send, band, begin + 400, begin + 400, 77});
        layer.intervals.push_back({Kind::wait, band, begin + 400, begin + 1234, 0});
        layer.sent_bytes += 77;
      }
      report.servers[s].layers.push_back(std::move(layer));
    }
  }
  return report;
}

}  // namespace

TEST_CASE("the timeline shows every layer and all that it did") {
  std::vector<std::string> names;
  for (int i = 0; i < 15; ++i) names.push_back("layer" + std::to_string(i) + ";");
  const auto svg = timeline_svg(report_of(names, 60), "skin.onnx");
  CHECK(malformed(svg) == "");
  CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  for (const auto& name : names) CHECK(count(svg, ">" + name + "<") == 1);
  for (const char* style : {"c0", "w0", "c1", "w1"})
    CHECK(count(svg, "class=\"" + std::string(style) + "\"") == 1 + 15 * 60);
  for (const char* style : {"q", "s"}) CHECK(count(svg, "class=\"" + std::string(style) + "\"") == 1 + 2 * 15 * 60);
  CHECK(contains(svg, "skin.onnx"));
  CHECK(contains(svg, "250.0 ms at server 0"));
  CHECK(contains(svg, "15 rounds"));
  CHECK(contains(svg, "69.3 kB from server 0 to server 1"));
  CHECK(contains(svg, "layer3;, band 7, server 1: waits for server 0 for 0.834 ms from 3.751 ms"));
  CHECK(contains(svg, "layer3;, band 7, server 1: sends 77 bytes at 3.751 ms"));
  CHECK_FALSE(contains(svg, "Not all is drawn"));
}

TEST_CASE("with a producer that helps, the timeline tells its bytes, and nobody waits for the other server alone") {
  auto report = report_of({"conv"}, 2);
  CHECK_FALSE(contains(timeline_svg(report, "m"), "crypto producer"));
  report.servers[0].layers[0].to_producer_bytes = 100'000;
  report.servers[1].layers[0].to_producer_bytes = 50'000;
  report.servers[1].layers[0].from_producer_bytes = 300'000;
  const auto svg = timeline_svg(report, "m");
  CHECK(malformed(svg) == "");
  CHECK(contains(svg, "; 150 kB to the crypto producer, 300 kB back"));
  CHECK(contains(svg, "band 1, server 1: waits for a message for "));
}

TEST_CASE("names in the timeline cannot break out of it") {
  const auto svg =
      timeline_svg(report_of({"</text><script>a&b</script>", "\"'\x01\xff\xed\xa0\x80", "Größe"}, 2), "<!-- & \xc3");
  CHECK(malformed(svg) == "");
  CHECK_FALSE(contains(svg, "<script"));
  CHECK(contains(svg, "&lt;/text&gt;&lt;script&gt;a&amp;b"));
  CHECK(contains(svg, "&quot;&#39;" + std::string(5, '?') + "<"));
  CHECK(contains(svg, ">Größe<"));
  CHECK(contains(svg, "&lt;!-- &amp; ?"));
}

TEST_CASE("a timeline of reports that do not match, of none and of too much is still a picture") {
  CHECK(malformed(timeline_svg({}, "")) == "");
  auto report = report_of({"input", "conv"}, 3);
  report.servers[0].layers.pop_back();
  report.servers[1].layers[0].intervals.resize(wire::max_intervals, {Kind::wait, 4'000'000'000, 0, 4'294'967'295, 0});
  const auto svg = timeline_svg(report, "m");
  CHECK(malformed(svg) == "");
  CHECK(contains(svg, ">conv<"));
  CHECK(contains(svg, "Not all is drawn"));
}

TEST_CASE("canary: what is no XML is found out") {
  for (const char* text : {"<a>", "<a></b>", "<a>&</a>", "<a></a><b></b>", "<a b=\"></a>", "<a>\x01</a>", "<a <b></a>"})
    CHECK(malformed(text) != "");
  CHECK(malformed("<a b=\"1\"><c/>&lt;</a>\n") == "");
}
