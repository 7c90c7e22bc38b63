#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/actors/support/recording_proxy.h"
#include "tests/actors/support/three_parties.h"

// Whoever has the wires between the parties, and between them and a client, reads nothing.

using namespace blindsight;
using namespace blindsight::test;

namespace {

constexpr std::uint32_t constant = 5;

/// What went over all wires of three parties and a client, from the first Hello to the answer of a query.
struct Recorded {
  std::vector<std::string> ways;  ///< one connection, one direction
  std::vector<std::size_t> bytes_of_wires;
  std::vector<std::string> texts;  ///< that stood in messages: of Hello, plan and status
  std::vector<std::string> shares;

  bool holds(const std::string& text) const {
    return std::ranges::any_of(ways, [&](const auto& way) { return way.find(text) != std::string::npos; });
  }
};

Recorded record(const protocol::Protocol& protocol, bool plaintext_links) {
  Recorded recorded;
  fake_hooks().keep_payloads = true;
  const auto before = fake_hooks().payloads().size();
  std::vector<std::unique_ptr<RecordingProxy>> wires;
  {
    ThreeParties three([&](config::PartyConfig& c) { c.insecure_plaintext_links = plaintext_links; }, protocol);
    auto& neighbourhood = three.neighbourhood();
    neighbourhood.client.insecure_plaintext_links = plaintext_links;
    const auto wire = [&](const config::Address& to) {
      return wires.emplace_back(std::make_unique<RecordingProxy>(to))->address();
    };
    auto& [server0, server1, producer] = neighbourhood.parties;
    server1.peers.server0 = wire(*server0.listen.parties);
    producer.peers.server0 = wire(*server0.listen.parties);
    producer.peers.server1 = wire(*server1.listen.parties);
    neighbourhood.client.server0 = wire(server0.listen.clients);
    neighbourhood.client.server1 = wire(server1.listen.clients);
    neighbourhood.client.crypto_producer = wire(producer.listen.clients);
    three.start_all();
    three.deploy(constant);
    const auto report = three.query(constant, 1);
    if (!report) FAIL(report.error().what);
    const auto status = three.client().status(config::Role::server0);
    REQUIRE(status);
    const auto plan = fake_plan(constant);
    recorded.texts = {status->version, std::string(protocol.name), plan.model_name, status->plan_digest};
    for (const auto& layer : plan.network.layers) recorded.texts.push_back(layer.name);
  }
  fake_hooks().keep_payloads = false;
  for (const auto& wire : wires) {
    recorded.bytes_of_wires.push_back(0);
    for (auto& way : wire->recordings()) {
      recorded.bytes_of_wires.back() += way.size();
      recorded.ways.push_back(std::move(way));
    }
  }
  auto payloads = fake_hooks().payloads();
  payloads.erase(payloads.begin(), payloads.begin() + static_cast<std::ptrdiff_t>(before));
  for (const auto& payload : payloads) recorded.shares.emplace_back(payload.begin(), payload.end());
  // So short that chance writes them into what is encrypted.
  const auto is_short = [](const std::string& text) { return text.size() < 5; };
  std::erase_if(recorded.texts, is_short);
  std::erase_if(recorded.shares, is_short);
  for (const auto bytes : recorded.bytes_of_wires) CHECK(bytes > 1000);
  CHECK(recorded.texts.size() > 4);
  CHECK(recorded.shares.size() > 30);
  return recorded;
}

}  // namespace

TEST_CASE("a recording of all wires holds no text of a Hello or a plan, no share, correction or opening") {
  for (const auto* protocol : {&fake_protocol, &fake_helped_protocol}) {
    const auto recorded = record(*protocol, false);
    for (const auto& text : recorded.texts) {
      CAPTURE(text);
      CHECK_FALSE(recorded.holds(text));
    }
    CHECK(std::ranges::none_of(recorded.shares, [&](const auto& share) { return recorded.holds(share); }));
  }
}

TEST_CASE("canary: on plain links, by consent, all of it is found") {
  for (const auto* protocol : {&fake_protocol, &fake_helped_protocol}) {
    const auto recorded = record(*protocol, true);
    for (const auto& text : recorded.texts) {
      CAPTURE(text);
      CHECK(recorded.holds(text));
    }
    // What was dealt last may not have been sent any more.
    const auto found = std::ranges::count_if(recorded.shares, [&](const auto& share) { return recorded.holds(share); });
    CHECK(found * 10 > static_cast<std::ptrdiff_t>(recorded.shares.size()) * 8);
  }
}
