#include "apps/timeline.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "tests/apps/support/three_processes.h"

using namespace blindsight;
using namespace blindsight::tests;
using apps::timeline_svg;
using wire::Interval;
using Kind = wire::Interval::Kind;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// What keeps the text from being one XML element with balanced tags and escaped text, or empty.
std::string malformed(const std::string& text) {
  std::vector<std::string> open;
  std::size_t roots = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '<') {
      if (text[at] == '&') {
        const auto end = text.find(';', at);
        if (end == std::string::npos || end > at + 6) return "a lone & at byte " + std::to_string(at);
      }
      if (static_cast<unsigned char>(text[at]) < 0x20 && text[at] != '\n')
        return "a control character at byte " + std::to_string(at);
      ++at;
      continue;
    }
    const auto end = text.find('>', at);
    if (end == std::string::npos) return "a tag without end at byte " + std::to_string(at);
    const auto tag = text.substr(at + 1, end - at - 1);
    at = end + 1;
    if (contains(tag, "<")) return "a < inside the tag " + tag;
    if (count(tag, "\"") % 2 != 0) return "an odd number of quotes in the tag " + tag;
    const auto name =
        tag.substr(tag.starts_with('/') ? 1 : 0, tag.find_first_of(" /", 1) - (tag.starts_with('/') ? 1 : 0));
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return "</" + tag.substr(1) + "> closes nothing";
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      if (open.empty() && ++roots > 1) return "a second root <" + tag + ">";
      open.push_back(name);
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

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

TEST_CASE("predict draws the timeline of a query, and only of one") {
  ThreeProcesses parties;
  parties.start_all();
  parties.deploy_digits();
  const auto image = (zoo / "images/malignant/ISIC_0012258.jpg").string();
  const auto file = parties.folder() / "query.svg";
  const auto outcome = parties.predict({image, "--json", "--timeline", file.string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto svg = read_text(file);
  CHECK(malformed(svg) == "");
  const auto layers = nlohmann::json::parse(outcome.out).at("layers");
  REQUIRE(layers.size() == 4);
  for (const auto& layer : layers) {
    const auto name = layer.at("name").get<std::string>();
    CHECK(contains(svg, ">" + name + "<"));
    for (const char* server : {"0", "1"}) CHECK(contains(svg, name + ", band 0, server " + server + ": computes "));
  }
  CHECK(contains(svg, "mnist-8.onnx"));

  const auto many = parties.predict({(zoo / "mnist-100.idx3-ubyte").string(), "--timeline", file.string()});
  CHECK(many.status == 2);
  CHECK(contains(many.err, "100"));
  CHECK(many.out.empty());
  const auto two = parties.predict({image, image, "--timeline", file.string()});
  CHECK(two.status == 2);
  CHECK(two.out.empty());
  const auto nowhere = parties.predict({image, "--timeline", (parties.folder() / "no/such/folder.svg").string()});
  CHECK(nowhere.status == 2);
  CHECK(contains(nowhere.err, "there is no folder"));
  CHECK(nowhere.out.empty());
  CHECK(read_text(file) == svg);
}
