#include "protocol/blink/protocol.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "protocol/blink/fields.h"
#include "protocol/blink/widths.h"
#include "tensor/kernels/pack_bits.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink {
namespace {

using protocol::testing::Net;

Net small() {
  std::mt19937_64 rng(1);
  Net net;
  net.spec.input = {8, 6, 3};
  LayerSpec l = protocol::testing::layer("conv1", net.spec.input, 4, protocol::testing::same3);
  l.max_pools = {protocol::testing::pool2};
  protocol::testing::add(net, l, 500, rng);
  protocol::testing::read_out(net);
  return net;
}

/// A party's program. A server's has weight shares without bytes: for steps that do not read them.
std::unique_ptr<Program> program_of(const Bound& bound, PartyId self) {
  static const std::vector<Payload> weight_shares(2);
  auto program = bound.parties->make_program({self, is_server(self) ? weight_shares : std::span<const Payload>()});
  REQUIRE(program);
  return std::move(*program);
}

PackKeysPtr keys_of_pack(PackId pack, PartyId self) {
  return protocol::testing::keys_from_seed(1, pack)[static_cast<unsigned>(self)];
}

TEST_CASE("Blink declares a layer's rounds and bytes") {
  const Net net = small();
  const Bound bound = protocol::testing::bind(blink::protocol(), net.spec);
  const Cost input = bound.costs->online(input_value), layer = bound.costs->online(1), last = bound.costs->online(2);
  CHECK(input.rounds == 1);
  CHECK(input.client == 2 * tensor::packed_bytes(8 * 6 * 3, 25));
  CHECK(layer.rounds == 3 * 2 + 3 + 1 + 1);  // two levels of max, ReLU, the lift, E'
  CHECK(layer.server0_to_server1 == layer.server1_to_server0);
  CHECK(layer.server_to_producer == 0);
  CHECK(last.rounds == 0);
  CHECK(last.client == 2 * tensor::packed_bytes(4 * 3 * 4, widths(net.spec, 1).out));
  CHECK(bound.costs->set_up(0).server0_to_server1 == tensor::packed_bytes(3 * 3 * 3 * 4, 25));
  // Corrections of one band go to one server.
  const Cost dealt = bound.costs->offline(1);
  CHECK((dealt.producer_to_server0 == 0) != (dealt.producer_to_server1 == 0));
  CHECK(bound.costs->offline(input_value) == Cost{});
  CHECK(bound.costs->stated_error(0) == 1);
}

TEST_CASE("weights of too few layers make no program of a server, and the producer needs none") {
  const Net net = small();
  const Bound bound = protocol::testing::bind(blink::protocol(), net.spec);
  const std::vector<Payload> one(1);
  const auto refused = bound.parties->make_program({PartyId::server0, one});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("1 layers, the network has 2") != std::string::npos);
  CHECK_FALSE(program_of(bound, PartyId::producer)->online_party());
  CHECK(program_of(bound, PartyId::server1)->online_party());
}

TEST_CASE("the pack of the set-up deals nothing: its masks hide the filters") {
  const Bound bound = protocol::testing::bind(blink::protocol(), small().spec);
  const auto program = program_of(bound, PartyId::producer);
  std::unique_ptr<BandMaterial> material;
  const auto preprocess = [&](const Work& work) {
    return program->preprocess(work, keys_of_pack(work.pack, PartyId::producer), material);
  };
  CHECK_THROWS_AS(preprocess(making(1, set_up_pack)), std::invalid_argument);
  CHECK(preprocess(making(1, 1)));
  CHECK(preprocess(making(input_value, 1)) == nullptr);
}

TEST_CASE("the input step takes the client's share and the other server's message in any order, each once") {
  const Net net = small();
  const Bound bound = protocol::testing::bind(blink::protocol(), net.spec);
  const auto program = program_of(bound, PartyId::server0);
  const Work work = making(input_value, 1);
  const std::size_t bytes = bound.clients->input_share_bytes()[0];
  const auto begun = [&] {
    std::unique_ptr<BandMaterial> material;
    const auto keys = keys_of_pack(work.pack, PartyId::server0);
    REQUIRE(program->preprocess(work, keys, material)->begin());
    auto step = program->online(work, keys, nullptr, std::make_shared<MaskedMap>(net.spec.input.elements() * 4),
                                std::move(material));
    REQUIRE(step->begin());
    return step;
  };
  for (const PartyId first : {PartyId::client, PartyId::server1}) {
    const auto step = begun();
    const PartyId second = first == PartyId::client ? PartyId::server1 : PartyId::client;
    const auto one = step->advance({first, 0, Payload(bytes, 1)});
    REQUIRE(one);
    CHECK_FALSE(one->done);
    CHECK(one->outbound.size() == (first == PartyId::client));
    const auto two = step->advance({second, 0, Payload(bytes, 2)});
    REQUIRE(two);
    CHECK(two->done);
  }
  for (const PartyId from : {PartyId::client, PartyId::server1}) {
    const auto step = begun();
    REQUIRE(step->advance({from, 0, Payload(bytes, 1)}));
    CHECK_FALSE(step->advance({from, 0, Payload(bytes, 1)}));
  }
  CHECK_FALSE(begun()->advance({PartyId::client, 0, Payload(bytes - 1, 1)}));
  CHECK_FALSE(begun()->advance({PartyId::client, 1, Payload(bytes, 1)}));
  CHECK_FALSE(begun()->advance({PartyId::producer, 0, Payload(bytes, 1)}));
}

TEST_CASE("corrections of the wrong length, round or sender are refused with layer and band") {
  const Net net = small();
  const Bound bound = protocol::testing::bind(blink::protocol(), net.spec);
  const Work work = making(1, 1);
  const PartyId receiver = correction_receiver(work);
  const auto program = program_of(bound, receiver);
  const Cost dealt = bound.costs->offline(1);
  const std::size_t bytes = dealt.producer_to_server0 + dealt.producer_to_server1;
  for (const auto& [from, round, less] :
       {std::tuple{PartyId::producer, 0, 1}, {PartyId::producer, 1, 0}, {other(receiver), 0, 0}}) {
    std::unique_ptr<BandMaterial> material;
    const auto step = program->preprocess(work, keys_of_pack(work.pack, receiver), material);
    REQUIRE(step->begin());
    const auto refused =
        step->advance({from, static_cast<std::uint16_t>(round), Payload(bytes - static_cast<std::size_t>(less), 0)});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("layer 'conv1', band 0") != std::string::npos);
    CHECK(material == nullptr);
  }
}

}  // namespace
}  // namespace blindsight::protocol::blink
