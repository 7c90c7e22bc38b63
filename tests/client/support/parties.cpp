#include "tests/client/support/parties.h"

#include <doctest/doctest.h>

namespace blindsight::tests {

using protocol::PartyId;
using wire::Kind;
using wire::Message;

model::Plan identity_plan() {
  model::Plan plan;
  plan.model_name = "identity";
  plan.network.input = {1, 1, 2};
  protocol::LayerSpec layer;
  layer.name = "only";
  layer.conv.in = plan.network.input;
  layer.conv.out_channels = 2;
  plan.network.layers = {layer};
  plan.worst_calibrated.resize(1, 0.5);
  plan.preprocessing.size = plan.network.input;
  plan.preprocessing.mean = plan.preprocessing.deviation = {1, 1};
  return plan;
}

client::ModelPtr identity() {
  auto model = client::Model::make(*protocol::choice_of("plaintext"), identity_plan());
  REQUIRE(model);
  return *model;
}

Message echo(const Message& message) {
  const auto asked = wire::decode<wire::Predict>(message.payload);
  REQUIRE(asked);
  return {wire::control_header(Kind::predicted),
          wire::encode(wire::Predicted{asked->header.job, {}, asked->input_share, {}})};
}

Message refusal(const wire::QueryId& query, protocol::Fault fault, std::optional<std::uint32_t> retry_after_ms) {
  return {wire::control_header(Kind::failure),
          wire::encode(wire::Failure{query, {fault, "no, because", retry_after_ms}})};
}

std::vector<Message> answer_all(const Message& message) {
  if (message.header.kind == Kind::predict) return {echo(message)};
  return {};
}

FakeParty::Handler Kept::handler() {
  return [this](const Message& message) -> std::vector<Message> {
    if (message.header.kind != kind_) return {};
    const std::scoped_lock lock(mutex_);
    messages_.push_back(message);
    came_.notify_all();
    return {};
  };
}

std::vector<Message> Kept::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, std::chrono::minutes(1), [&] { return messages_.size() >= count; });
  REQUIRE(messages_.size() >= count);
  return messages_;
}

Parties::Parties(FakeParty::Handler first, FakeParty::Handler second)
    : server0(PartyId::server0, std::move(first)),
      server1(PartyId::server1, std::move(second)),
      producer(PartyId::producer, answer_all) {}

config::ClientConfig Parties::config() const {
  config::ClientConfig c;
  c.server0 = server0.address();
  c.server1 = server1.address();
  c.crypto_producer = producer.address();
  c.insecure_plaintext_links = true;  // a fake party reads frames off the socket
  return c;
}

}  // namespace blindsight::tests
