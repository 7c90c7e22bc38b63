#include "wire/report.h"

#include <algorithm>

namespace blindsight::wire {
namespace {

template <class Value>
std::uint64_t sum(const ServerReport& server, Value LayerReport::*field) {
  std::uint64_t total = 0;
  for (const auto& layer : server.layers) total += layer.*field;
  return total;
}

}  // namespace

double QueryReport::online_s() const {
  return std::max(servers[0].online_s, servers[1].online_s);
}
double QueryReport::offline_s() const {
  return std::max(servers[0].offline_s, servers[1].offline_s);
}
std::uint64_t QueryReport::rounds() const {
  return std::max(sum(servers[0], &LayerReport::rounds), sum(servers[1], &LayerReport::rounds));
}
std::uint64_t QueryReport::server0_to_server1() const {
  return sum(servers[0], &LayerReport::sent_bytes);
}
std::uint64_t QueryReport::server1_to_server0() const {
  return sum(servers[1], &LayerReport::sent_bytes);
}
std::uint64_t QueryReport::producer_to(std::size_t server) const {
  return sum(servers[server], &LayerReport::dealt_bytes);
}
std::uint64_t QueryReport::producer_online_to(std::size_t server) const {
  return sum(servers[server], &LayerReport::from_producer_bytes);
}
std::uint64_t QueryReport::to_producer(std::size_t server) const {
  return sum(servers[server], &LayerReport::to_producer_bytes);
}
std::uint64_t QueryReport::client_bytes() const {
  return servers[0].client_bytes + servers[1].client_bytes;
}

}  // namespace blindsight::wire
