#include "protocol/plaintext/protocol.h"

#include <doctest/doctest.h>

#include "protocol/plaintext/layer.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"
#include "tests/support/text.h"

namespace blindsight::protocol::plaintext {
namespace {

using blindsight::tests::contains;
using testing::Net;

Net small() {
  std::mt19937_64 rng(1);
  Net net;
  net.spec.input = {6, 6, 2};
  testing::add(net, testing::layer("first", net.spec.input, 3, testing::same3), 500, rng);
  testing::read_out(net);
  return net;
}

TEST_CASE("the oracle says that it hides nothing, and gives server 0 everything and server 1 nothing") {
  const Net net = small();
  CHECK_FALSE(protocol().hides);
  const Bound bound = testing::bind(protocol(), net.spec);
  std::mt19937_64 rng(2);
  const auto x = testing::random_input(net.spec.input.elements(), 500, rng);
  const auto shares = bound.clients->share_input(x);
  REQUIRE(shares);
  CHECK((*shares)[0].size() == x.size() * 8);
  CHECK((*shares)[1].empty());
  testing::ThreeParties run(bound, net.weights, {.keep_transcript = true});
  run.preprocess(1);
  const auto got = run.predict(1, x);
  auto expected = x;
  for (std::size_t i = 0; i < net.spec.layers.size(); ++i)
    expected = evaluate(net.spec.layers[i], prepare(net.spec.layers[i], net.weights[i]), expected);
  CHECK(got == expected);
  for (const auto& message : run.transcript())
    CHECK((message.to == PartyId::server1 ? message.payload.empty() : message.to == PartyId::server0));
}

TEST_CASE("the oracle refuses weights, inputs and answers of another size") {
  const Net net = small();
  const Bound bound = testing::bind(protocol(), net.spec);
  LayerWeights fewer = net.weights[0];
  fewer.bias.pop_back();
  CHECK(contains(bound.clients->share_weights(0, fewer).error().what, "layer 'first'"));
  CHECK(contains(bound.clients->share_input(std::vector<std::int64_t>(71)).error().what, "71 values"));
  const std::array<Payload, 2> answers{Payload(6 * 6 * 3 * 8 - 1), Payload()};
  const auto refused = bound.clients->reveal_output(answers);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::violation);

  std::vector<Payload> shares;
  for (LayerId i = 0; i < 2; ++i) shares.push_back((*bound.clients->share_weights(i, net.weights[i]))[0]);
  CHECK(bound.parties->make_program({PartyId::server0, shares}));
  CHECK(bound.parties->make_program({PartyId::server1, {}}));
  CHECK(contains(bound.parties->make_program({PartyId::server0, std::span(shares).first(1)}).error().what, "missing"));
  shares[1].pop_back();
  CHECK(contains(bound.parties->make_program({PartyId::server0, shares}).error().what, "layer 'read out'"));
}

TEST_CASE("the oracle refuses a linear result that its words cannot hold, with what the algorithm spends") {
  Net net = small();
  net.spec.layers[0].activation_bits = 40;
  net.spec.layers[0].fraction_bits = 22;
  CHECK(protocol().check(net.spec));
  net.spec.layers[0].algorithm = tensor::ConvAlgorithm::winograd2;
  const auto refused = protocol().check(net.spec);
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error().what, "layer 'first': its linear result has 64 bits"));
  CHECK(contains(refused.error().what, "winograd2 spends 2 more"));
  net.spec.layers.clear();
  CHECK_FALSE(protocol().check(net.spec));
}

TEST_CASE("the oracle's input step takes the client's message alone") {
  const Net net = small();
  const Bound bound = testing::bind(protocol(), net.spec);
  const auto program = bound.parties->make_program({PartyId::server1, {}});
  REQUIRE(program);
  for (const auto& [from, round, bytes] :
       {std::tuple{PartyId::server0, 0, 0}, {PartyId::client, 1, 0}, {PartyId::client, 0, 8}}) {
    const auto step = (*program)->online(making(input_value, 1), testing::keys_from_seed(1, 1)[1], nullptr,
                                         std::make_shared<MaskedMap>(), nullptr);
    REQUIRE(step->begin());
    const auto refused =
        step->advance({from, static_cast<std::uint16_t>(round), Payload(static_cast<std::size_t>(bytes), 0)});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == Fault::violation);
  }
}

}  // namespace
}  // namespace blindsight::protocol::plaintext
