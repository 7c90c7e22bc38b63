#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "monitoring/metrics.h"

using namespace blindsight::monitoring;

namespace {

std::string read(const std::string& path) {
  std::ifstream in(path);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

const Metric* find_metric(std::string name) {
  for (const char* suffix : {"", "_bucket", "_sum", "_count"}) {
    const std::string_view s = suffix;
    if (!name.ends_with(s)) continue;
    const auto base = name.substr(0, name.size() - s.size());
    for (const Metric* metric : metrics::all) {
      // A counter or gauge is used under its own name, a histogram only under the names of its parts.
      if (metric->name == base && (metric->type == MetricType::histogram) == !s.empty()) return metric;
    }
  }
  return nullptr;
}

/// Everything in a PromQL expression that the list of metric names does not back: unknown metrics, labels that a metric
/// lacks.
std::vector<std::string> unbacked(const std::string& expression) {
  std::vector<std::string> wrong;
  std::set<std::string> labels = {"instance", "job", "le"};
  static const std::regex metric_use(R"((blindsight_\w+)(\{([^}]*)\})?)");
  static const std::regex matcher(R"((\w+)\s*(=~|!~|!=|=))");
  static const std::regex grouping(R"(by \(([^)]*)\))");
  static const std::regex word(R"(\w+)");
  const std::sregex_iterator end;
  for (std::sregex_iterator use(expression.begin(), expression.end(), metric_use); use != end; ++use) {
    const auto* metric = find_metric((*use)[1]);
    if (!metric) {
      wrong.push_back("no metric " + (*use)[1].str());
      continue;
    }
    std::set<std::string> own = {"instance", "job"};
    for (auto label : metric->labels) {
      if (!label.empty()) own.insert(std::string(label));
    }
    labels.insert(own.begin(), own.end());
    const std::string matchers = (*use)[3];
    for (std::sregex_iterator m(matchers.begin(), matchers.end(), matcher); m != end; ++m) {
      if (!own.contains((*m)[1])) wrong.push_back((*use)[1].str() + " has no label " + (*m)[1].str());
    }
  }
  for (std::sregex_iterator g(expression.begin(), expression.end(), grouping); g != end; ++g) {
    const std::string names = (*g)[1];
    for (std::sregex_iterator w(names.begin(), names.end(), word); w != end; ++w) {
      if (!labels.contains(w->str())) wrong.push_back("no label " + w->str());
    }
  }
  return wrong;
}

void check_backed(const std::string& expression) {
  CAPTURE(expression);
  for (const auto& problem : unbacked(expression)) FAIL_CHECK(problem);
  CHECK(std::ranges::count(expression, '(') == std::ranges::count(expression, ')'));
}

std::vector<std::string> dashboard_expressions() {
  const auto dashboard = nlohmann::json::parse(read("monitoring/dashboards/blindsight.json"));
  std::vector<std::string> all;
  for (const auto& panel : dashboard.at("panels")) {
    if (panel.at("type") == "row") continue;
    REQUIRE_FALSE(panel.at("targets").empty());
    for (const auto& target : panel.at("targets")) all.push_back(target.at("expr"));
  }
  for (const auto& variable : dashboard.at("templating").at("list")) {
    if (variable.at("type") == "query") all.push_back(variable.at("query"));
  }
  return all;
}

/// The value of each line "key: value" with that key.
std::vector<std::string> yaml_values(const std::string& text, const std::string& key) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const auto start = line.find_first_not_of(" -");
    if (start != std::string::npos && line.compare(start, key.size() + 2, key + ": ") == 0)
      all.push_back(line.substr(start + key.size() + 2));
  }
  return all;
}

}  // namespace

TEST_CASE("the list keeps to Prometheus' customs") {
  std::set<std::string_view> names;
  for (const Metric* metric : metrics::all) {
    CAPTURE(metric->name);
    CHECK(names.insert(metric->name).second);
    CHECK(metric->name.starts_with("blindsight_"));
    CHECK(metric->name.ends_with("_total") == (metric->type == MetricType::counter));
    CHECK((metric->type == MetricType::histogram) == !metric->buckets.empty());
    CHECK(std::ranges::is_sorted(metric->buckets, std::less_equal()));
    CHECK_FALSE(metric->unit.empty());
    CHECK_FALSE(metric->help.empty());
    std::set<std::string_view> labels;
    for (auto label : metric->labels) {
      if (!label.empty()) CHECK(labels.insert(label).second);
    }
  }
}

TEST_CASE("the dashboard asks only for metrics and labels that exist") {
  const auto expressions = dashboard_expressions();
  CHECK(expressions.size() > 15);
  for (const auto& expression : expressions) check_backed(expression);
}

TEST_CASE("every metric is on the dashboard") {
  std::string all;
  for (const auto& expression : dashboard_expressions()) all += expression + '\n';
  for (const Metric* metric : metrics::all) {
    CAPTURE(metric->name);
    CHECK(all.find(metric->name) != std::string::npos);
  }
}

TEST_CASE("the alerts ask only for metrics and labels that exist") {
  const auto text = read("monitoring/alerts/blindsight.yml");
  CHECK(text.find('\t') == std::string::npos);
  const auto alerts = yaml_values(text, "alert"), expressions = yaml_values(text, "expr");
  CHECK(alerts.size() >= 5);
  CHECK(std::set(alerts.begin(), alerts.end()).size() == alerts.size());
  REQUIRE(expressions.size() == alerts.size());
  CHECK(yaml_values(text, "for").size() == alerts.size());
  CHECK(yaml_values(text, "summary").size() == alerts.size());
  for (const auto& severity : yaml_values(text, "labels"))
    CHECK((severity == "{severity: warning}" || severity == "{severity: critical}"));
  for (const auto& expression : expressions) check_backed(expression);
}

TEST_CASE("canary: what no metric backs is found out") {
  CHECK(unbacked("blindsight_queries_total").empty());
  CHECK(unbacked("rate(blindsight_query_seconds_bucket{outcome=\"ok\"}[5m])").empty());
  CHECK(unbacked("blindsight_querys_total").size() == 1);
  CHECK(unbacked("blindsight_query_seconds").size() == 1);
  CHECK(unbacked("blindsight_queries_total_count").size() == 1);
  CHECK(unbacked("blindsight_queries_total{layer=\"x\"}").size() == 1);
  CHECK(unbacked("sum by (instance, layer) (blindsight_queries_total)").size() == 1);
}
