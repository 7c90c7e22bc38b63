#include "wire/report.h"

#include <doctest/doctest.h>

using namespace blindsight::wire;

namespace {

/// No two numbers of it are equal, and each field's sum at a server differs from every other.
QueryReport report() {
  QueryReport query;
  std::uint64_t bit = 1;
  for (auto& server : query.servers) {
    server.client_bytes = bit <<= 1;
    server.offline_sent_bytes = bit <<= 1;
    server.layers.resize(3);
    for (auto& layer : server.layers)
      for (auto* field : {&layer.sent_bytes, &layer.dealt_bytes, &layer.from_producer_bytes, &layer.to_producer_bytes})
        *field = bit <<= 1;
  }
  return query;
}

std::uint64_t sum(const ServerReport& server, std::uint64_t LayerReport::*field) {
  return server.layers[0].*field + server.layers[1].*field + server.layers[2].*field;
}

}  // namespace

TEST_CASE("a query's bytes are all layers', each in its direction") {
  const auto query = report();
  CHECK(query.server0_to_server1() == sum(query.servers[0], &LayerReport::sent_bytes));
  CHECK(query.server1_to_server0() == sum(query.servers[1], &LayerReport::sent_bytes));
  for (const std::size_t server : {0u, 1u}) {
    CHECK(query.producer_to(server) == sum(query.servers[server], &LayerReport::dealt_bytes));
    CHECK(query.producer_online_to(server) == sum(query.servers[server], &LayerReport::from_producer_bytes));
    CHECK(query.to_producer(server) == sum(query.servers[server], &LayerReport::to_producer_bytes));
  }
  CHECK(query.client_bytes() == query.servers[0].client_bytes + query.servers[1].client_bytes);
}

TEST_CASE("a query took as long, and as many rounds, as at the server where it took more") {
  for (const std::size_t slow : {0u, 1u}) {
    QueryReport query;
    query.servers[slow] = {.online_s = 2, .offline_s = 30, .layers = std::vector<LayerReport>(2)};
    query.servers[1 - slow] = {.online_s = 1, .offline_s = 40, .layers = std::vector<LayerReport>(2)};
    query.servers[slow].layers[0].rounds = 3;
    query.servers[slow].layers[1].rounds = 4;
    query.servers[1 - slow].layers[1].rounds = 5;
    CHECK(query.online_s() == 2);
    CHECK(query.offline_s() == 40);
    CHECK(query.rounds() == 7);
  }
}

TEST_CASE("a report without layers is of nothing") {
  const QueryReport query;
  CHECK(query.rounds() == 0);
  CHECK(query.server0_to_server1() + query.server1_to_server0() + query.client_bytes() == 0);
}
