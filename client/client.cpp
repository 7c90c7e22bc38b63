#include "client/client.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <thread>

#include "client/connection.h"
#include "protocol/core/party.h"
#include "protocol/core/text.h"
#include "protocol/prg/prg.h"

namespace blindsight::client {
namespace {

using protocol::fail;
using protocol::Fault;
using protocol::PartyId;
using protocol::Payload;
using protocol::Result;
using wire::Kind;
using Clock = std::chrono::steady_clock;

/// For requests that ask for no computation.
constexpr std::chrono::seconds patience{10};
/// For a layer's weights to be sent and written to disk.
constexpr std::chrono::seconds upload_patience{120};

const config::Address& address_of(const config::ClientConfig& config, PartyId party) {
  return party == PartyId::server0   ? config.server0
         : party == PartyId::server1 ? config.server1
                                     : config.crypto_producer;
}

Result<Connection> open(const config::ClientConfig& config, PartyId party) {
  return Connection::open(address_of(config, party), party, config);
}

}  // namespace

Client::Client(config::ClientConfig config) : config_(std::move(config)) {}

Result<void> Client::deploy(const model::Plan& plan, const WeightShares& shares, const Progress& progress) {
  // All three connections first: nothing is sent anywhere when one party is missing.
  std::vector<Connection> parties;
  for (const auto party : {PartyId::server0, PartyId::server1, PartyId::producer}) {
    auto connection = open(config_, party);
    if (!connection) return tl::unexpected(connection.error());
    parties.push_back(std::move(*connection));
  }
  wire::DeployBegin begin;
  protocol::random_bytes(begin.id);
  const auto plan_bytes = model::to_bytes(plan);
  begin.plan.assign(plan_bytes.begin(), plan_bytes.end());
  for (auto& party : parties) {
    auto answer = party.request(Kind::deploy_begin, wire::encode(begin), Kind::deployed, Clock::now() + patience);
    if (!answer) return tl::unexpected(answer.error());
  }
  const auto layers = plan.network.layers.size();
  for (std::size_t layer = 0; layer < layers; ++layer) {
    auto halves = shares(layer);
    if (!halves) return tl::unexpected(halves.error());
    for (const auto server : {0u, 1u}) {
      auto answer = parties[server].request(Kind::deploy_share, std::move((*halves)[server]), Kind::deployed,
                                            Clock::now() + upload_patience, static_cast<std::uint16_t>(layer));
      if (!answer) return tl::unexpected(answer.error());
    }
    if (progress) progress(layer + 1, layers);
  }
  for (auto& party : parties) {
    auto answer = party.request(Kind::deploy_commit, {}, Kind::deployed, Clock::now() + upload_patience);
    if (!answer) {
      auto error = answer.error();
      error.what += "; the parties now hold different models: deploy again";
      return tl::unexpected(error);
    }
  }
  return {};
}

Result<Prediction> Client::predict(const model::Plan& plan, std::array<Payload, 2> input_shares, bool timeline) {
  const auto started = Clock::now();
  // The servers' own time limit is the same: a little more here, so that their reason arrives first.
  const auto deadline = started + std::chrono::milliseconds(config_.query.timeout_ms) + std::chrono::seconds(2);
  std::vector<Connection> servers;
  for (const auto party : {PartyId::server0, PartyId::server1}) {
    auto connection = open(config_, party);
    if (!connection) return tl::unexpected(connection.error());
    servers.push_back(std::move(*connection));
  }
  wire::Predict request;
  protocol::random_bytes(request.query);
  request.plan = model::digest(plan);
  request.timeline = timeline;
  for (const auto server : {0u, 1u}) {
    request.input_share = std::move(input_shares[server]);
    if (auto sent = servers[server].send(Kind::predict, wire::encode(request), deadline); !sent)
      return tl::unexpected(sent.error());
  }
  std::array<std::optional<wire::Predicted>, 2> answers;
  while (!answers[0] || !answers[1]) {
    for (const auto server : {0u, 1u}) {
      if (answers[server]) continue;
      auto message = servers[server].receive_what_is_there();
      if (!message) return tl::unexpected(message.error());
      if (!*message) continue;
      if ((*message)->header.kind != Kind::predicted)
        return fail(Fault::violation, servers[server].name() + " answered with a " +
                                          std::string(wire::name((*message)->header.kind)) + " message");
      auto predicted = wire::decode<wire::Predicted>((*message)->payload);
      if (!predicted) return tl::unexpected(protocol::within(servers[server].name() + ": ", predicted.error()));
      if (predicted->query != request.query)
        return fail(Fault::violation, servers[server].name() + " answered another query");
      answers[server] = std::move(*predicted);
    }
    std::vector<pollfd> waiting;
    std::string silent;
    for (const auto server : {0u, 1u})
      if (!answers[server]) {
        waiting.push_back({servers[server].descriptor(), POLLIN, 0});
        silent += (silent.empty() ? "" : " and ") + servers[server].name();
      }
    if (waiting.empty()) break;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return fail(Fault::timed_out, "no answer from " + silent + " in time (key query.timeout_ms)");
    (void)::poll(waiting.data(), waiting.size(), static_cast<int>(left));
  }
  Prediction prediction;
  for (const auto server : {0u, 1u}) {
    prediction.output_shares[server] = std::move(answers[server]->output_share);
    prediction.report.servers[server] = std::move(answers[server]->report);
  }
  prediction.report.total_s = std::chrono::duration<double>(Clock::now() - started).count();
  return prediction;
}

Result<model::Plan> Client::deployed_plan() {
  std::optional<model::Plan> plan;
  Payload first;
  for (const auto party : {PartyId::server0, PartyId::server1}) {
    auto connection = open(config_, party);
    if (!connection) return tl::unexpected(connection.error());
    auto answer = connection->request(Kind::plan_request, {}, Kind::plan, Clock::now() + patience);
    if (!answer) return tl::unexpected(answer.error());
    if (plan) {
      if (answer->payload != first)
        return fail(Fault::not_serving, "server0 and server1 have different plans deployed; deploy again");
      continue;
    }
    auto read = model::plan_from_bytes(answer->payload);
    if (!read) return fail(Fault::violation, connection->name() + ": its plan is damaged: " + read.error().what);
    plan = std::move(*read);
    first = std::move(answer->payload);
  }
  return std::move(*plan);
}

Result<wire::PartyStatus> Client::status(config::Role role) {
  auto connection = open(config_, static_cast<PartyId>(role));
  if (!connection) return tl::unexpected(connection.error());
  auto answer = connection->request(Kind::status_request, {}, Kind::status, Clock::now() + patience);
  if (!answer) return tl::unexpected(answer.error());
  auto status = wire::decode<wire::PartyStatus>(answer->payload);
  if (!status) return tl::unexpected(protocol::within(connection->name() + ": ", status.error()));
  return std::move(*status);
}

Result<void> Client::wait_until_serving(const model::Plan& plan, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  const auto wanted = protocol::to_hex(model::digest(plan));
  for (;;) {
    protocol::Error missing{Fault::not_serving, {}};
    for (const auto role : {config::Role::server0, config::Role::server1, config::Role::crypto_producer}) {
      auto answer = status(role);
      const auto name = protocol::party_name(static_cast<PartyId>(role));
      if (!answer)
        missing = answer.error();
      else if (answer->plan_digest != wanted)
        missing.what = name + " has " + (answer->plan_digest.empty() ? "no plan" : "plan " + answer->plan_digest) +
                       " deployed, not plan " + wanted;
      else if (!answer->serving)
        missing.what = name + ": " + answer->session;
      if (!missing.what.empty()) break;
    }
    if (missing.what.empty()) return {};
    if (Clock::now() >= deadline) return tl::unexpected(missing);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace blindsight::client
