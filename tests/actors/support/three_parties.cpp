#include "tests/actors/support/three_parties.h"

#include <doctest/doctest.h>
#include <spdlog/cfg/env.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <set>
#include <stdexcept>
#include <thread>

#include "net/socket.h"
#include "tests/support/keys.h"

namespace blindsight::test {

using namespace protocol;

void check_no_mask_twice() {
  const auto lines = fake_hooks().lines();
  const std::set<std::string> once(lines.begin(), lines.end());
  CHECK(once.size() == lines.size());
}

void quiet_log() {
  spdlog::set_level(spdlog::level::off);
  spdlog::cfg::load_env_levels();
}

std::uint16_t free_port() {
  // Below the range from which connections get their own ports: a party that restarts must find its port free.
  static std::uint16_t next = static_cast<std::uint16_t>(15000 + ::getpid() * 31 % 15000);
  constexpr int ports = 15000;
  for (int tried = 0; tried < ports; ++tried) {
    next = next >= 30000 ? 15000 : static_cast<std::uint16_t>(next + 1);
    if (auto fd = net::listen_on({"127.0.0.1", next})) {
      ::close(*fd);
      return next;
    }
  }
  throw std::runtime_error("no port between 15000 and 30000 is free");
}

Neighbourhood::Neighbourhood(std::string_view protocol) {
  std::array<config::Address, 3> addresses, for_clients;
  for (std::size_t i = 0; i < 3; ++i) {
    addresses[i] = {"127.0.0.1", free_port()};
    for_clients[i] = {"127.0.0.1", free_port()};
  }
  for (std::size_t i = 0; i < 3; ++i) {
    auto& c = parties[i];
    c.role = static_cast<config::Role>(i);
    c.protocol = protocol;
    if (i != 2) c.listen.parties = addresses[i];
    c.listen.clients = for_clients[i];
    c.data_dir = folder.path() / std::to_string(i);
    if (i != 0) c.peers.server0 = addresses[0];
    if (i == 2) c.peers.server1 = addresses[1];
    c.link.reconnect_min_ms = 10;
    c.link.reconnect_max_ms = 100;
    c.threads = {1, 1, 2};
    c.query.timeout_ms = 20'000;
  }
  client.server0 = for_clients[0];
  client.server1 = for_clients[1];
  client.crypto_producer = for_clients[2];
  tests::give_keys(folder.path(), parties, client);
  client.query.timeout_ms = 20'000;
}

ThreeParties::ThreeParties(const Protocol& protocol) : protocol_(protocol), neighbourhood_(protocol.name) {
  quiet_log();
  fake_hooks().forget_lines();
}

ThreeParties::ThreeParties(const std::function<void(config::PartyConfig&)>& adjust, const Protocol& protocol)
    : ThreeParties(protocol) {
  for (auto& c : neighbourhood_.parties) adjust(c);
  neighbourhood_.client.insecure_plaintext_links = neighbourhood_.parties[0].insecure_plaintext_links;
}

void ThreeParties::start(std::size_t party) {
  auto started = actors::Party::start(neighbourhood_.parties[party], protocol_, registries_[party]);
  if (!started) FAIL(started.error().what);
  running_[party] = std::move(*started);
}

void ThreeParties::start_all() {
  for (const std::size_t i : {0u, 1u, 2u}) start(i);
}

bool says_while_not_serving(client::Client client, config::Role party, const std::string& part) {
  for (int i = 0; i < 10'000; ++i) {
    const auto status = client.status(party);
    REQUIRE(status);
    REQUIRE_FALSE(status->serving);
    if (contains(status->session, part)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

Result<void> deploy_fake(client::Client& client, std::uint32_t constant) {
  const auto plan = fake_plan(constant);
  const auto bound = fake_protocol.bind(plan.network);
  return client.deploy(plan, [&](std::size_t layer) {
    return bound->clients->share_weights(static_cast<LayerId>(layer), fake_weights(constant));
  });
}

void ThreeParties::deploy(std::uint32_t constant) {
  auto c = client();
  auto deployed = deploy_fake(c, constant);
  if (!deployed) FAIL(deployed.error().what);
  wait_until_serving(constant);
}

void ThreeParties::wait_until_serving(std::uint32_t constant) {
  auto serving = client().wait_until_serving(fake_plan(constant), std::chrono::seconds(20));
  if (!serving) FAIL(serving.error().what);
}

Result<wire::QueryReport> query_fake(client::Client& client, std::uint32_t constant, std::uint32_t seed,
                                     bool timeline) {
  const auto plan = fake_plan(constant);
  const auto input = fake_input(plan, seed);
  auto model = client::Model::make({&fake_protocol, {}}, plan);
  if (!model) return tl::unexpected(model.error());
  auto answer = client.predict(*model, input, {.ask_again = false, .timeline = timeline});
  if (!answer) return tl::unexpected(answer.error());
  if (answer->outputs != fake_output(plan, constant, input)) return fail("the answer is wrong");
  return answer->report;
}

Result<wire::QueryReport> ThreeParties::query(std::uint32_t constant, std::uint32_t seed, bool timeline) {
  auto c = client();
  return query_fake(c, constant, seed, timeline);
}

}  // namespace blindsight::test
