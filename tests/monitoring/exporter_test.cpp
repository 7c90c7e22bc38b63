#include "monitoring/exporter.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace blindsight::monitoring;

namespace {

/// What 127.0.0.1:port answers to GET path, header and body.
std::string get(std::uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  REQUIRE(write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<std::size_t>(got));
  close(fd);
  return answer;
}

}  // namespace

TEST_CASE("the exporter serves over HTTP what the probes counted") {
  Registry registry;
  const auto sent = registry.probe<metrics::layer_sent_bytes>("conv1", Lane::online);
  sent.add(41);
  auto exporter = Exporter::listen(registry, "127.0.0.1", 0);
  if (!exporter) FAIL(exporter.error());
  REQUIRE(exporter->port() != 0);
  sent.add(1);
  const auto answer = get(exporter->port(), "/metrics");
  CAPTURE(answer);
  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(answer.find("blindsight_layer_sent_bytes_total{lane=\"online\",layer=\"conv1\"} 42\n") != std::string::npos);
  CHECK(get(exporter->port(), "/etc/passwd").substr(8, 5) == " 404 ");
  CHECK(get(exporter->port(), "/../../etc/passwd").find("root:") == std::string::npos);
}

TEST_CASE("a port in use is an error that says so, and the first exporter lives on") {
  Registry registry;
  auto first = Exporter::listen(registry, "127.0.0.1", 0);
  REQUIRE(first);
  const auto second = Exporter::listen(registry, "127.0.0.1", first->port());
  REQUIRE_FALSE(second);
  CAPTURE(second.error());
  CHECK(second.error().find("metrics.listen = \"127.0.0.1:" + std::to_string(first->port()) + '"') !=
        std::string::npos);
  CHECK(second.error().find("the port is in use") != std::string::npos);
  CHECK(get(first->port(), "/metrics").starts_with("HTTP/1.1 200"));
}

TEST_CASE("an address that is not this machine's is an error") {
  Registry registry;
  const auto foreign = Exporter::listen(registry, "192.0.2.1", 0);
  REQUIRE_FALSE(foreign);
  CAPTURE(foreign.error());
  CHECK(foreign.error().find("not one of this machine") != std::string::npos);
}

TEST_CASE("the port is free again when the exporter is gone") {
  Registry registry;
  std::uint16_t port = 0;
  {
    auto exporter = Exporter::listen(registry, "127.0.0.1", 0);
    if (!exporter) FAIL(exporter.error());
    port = exporter->port();
  }
  const auto again = Exporter::listen(registry, "127.0.0.1", port);
  if (!again) FAIL(again.error());
  CHECK(again->port() == port);
}

TEST_CASE("an exporter without metrics still answers") {
  const auto none = Registry::null();
  auto exporter = Exporter::listen(none, "127.0.0.1", 0);
  REQUIRE(exporter);
  CHECK(get(exporter->port(), "/metrics").starts_with("HTTP/1.1 200"));
}
