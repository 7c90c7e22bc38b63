#include <doctest/doctest.h>

#include <regex>

#include "monitoring/metrics.h"
#include "tests/apps/support/three_processes.h"

using namespace blindsight::tests;

namespace {

/// The value of a metric, its labels as a regular expression; -1 when it is not shown.
double value(const std::string& text, const std::string& metric) {
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(metric + R"( ([-+0-9.e]+))"))) return -1;
  return std::stod(match[1]);
}

}  // namespace

TEST_CASE("a running party exports what it is and what it did") {
  ThreeProcesses parties;
  const auto ports = free_ports(3);
  for (std::size_t i = 0; i < 3; ++i)
    write_text(parties.config(i),
               read_text(parties.config(i)) + "\n[metrics]\nlisten = \"127.0.0.1:" + std::to_string(ports[i]) + "\"\n");
  parties.start_all();
  parties.deploy_digits();
  REQUIRE(parties.predict({(zoo / "mnist-100.idx3-ubyte").string()}).status == 0);
  const auto text = http_get(ports[1], "/metrics");
  CHECK(text.starts_with("HTTP/1.1 200"));
  CHECK(text.find("role=\"server1\"") != std::string::npos);
  CHECK(text.find("protocol=\"blink\"") != std::string::npos);
  CHECK(value(text, R"(blindsight_build_info\{[^}]*\})") == 1);
  CHECK(value(text, R"re(blindsight_queries_total\{outcome="ok"\})re") == 100);
  CHECK(value(text, R"(blindsight_packs_used_total)") == 100);
  CHECK(value(text, R"re(blindsight_peer_connected\{peer="server0"\})re") == 1);
  CHECK(value(text, "\nblindsight_links_insecure") == 0);
  // A fresh key holds for two years; the number is in Unix time.
  CHECK(value(text, "\nblindsight_key_expiry_timestamp_seconds") >
        static_cast<double>(std::time(nullptr)) + 700 * 86400.0);
  CHECK(value(text, R"re(blindsight_connections_refused_total\{fault="refused",listener="clients"\})re") == 0);
  CHECK(value(text, R"re(blindsight_layer_sent_bytes_total\{lane="online",layer="Convolution28"\})re") > 0);
  CHECK(value(text, R"re(blindsight_layer_rounds_total\{lane="online",layer="Convolution28"\})re") > 0);

  // A metric that is listed and nowhere counted would stay an empty panel on the dashboard.
  const auto everywhere = text + http_get(ports[0], "/metrics") + http_get(ports[2], "/metrics");
  for (const auto* metric : blindsight::monitoring::metrics::all) {
    CAPTURE(metric->name);
    CHECK(everywhere.find("# TYPE " + std::string(metric->name) + ' ') != std::string::npos);
  }
}
