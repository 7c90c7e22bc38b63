#include "actors/session/handshake.h"

#include <doctest/doctest.h>
#include <sodium.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "protocol/blink/widths.h"
#include "protocol/core/protocol.h"
#include "tensor/kernels/pack_bits.h"
#include "tests/support/memory_image.h"
#include "tests/support/sanitized.h"
#include "wire/envelope.h"

using namespace blindsight;
using namespace blindsight::actors;
using protocol::PartyId;

namespace {

constexpr auto S0 = PartyId::server0, S1 = PartyId::server1, D = PartyId::producer;
constexpr std::array parties{S0, S1, D};

/// Three parties that have exchanged their Hellos.
std::vector<SessionSecrets> agreed() {
  std::array<SessionKeyPair, 3> pairs;
  const std::array keys{pairs[0].public_key(), pairs[1].public_key(), pairs[2].public_key()};
  std::vector<SessionSecrets> secrets;
  secrets.reserve(parties.size());
  for (const PartyId p : parties)
    secrets.push_back(std::move(pairs[static_cast<std::size_t>(p)].agree(p, keys, session_id(keys)).value()));
  return secrets;
}

std::vector<std::uint8_t> drawn(const protocol::Prg& prg) {
  std::vector<std::uint8_t> out(16);
  prg.fill({}, 0, out);
  return out;
}

wire::Hello hello(PartyId role) {
  wire::Hello h;
  h.wire_version = wire::version;
  h.role = role;
  if (role != PartyId::client) h.choice = "blink";
  return h;
}

using Deployments = std::array<std::optional<wire::DeploymentName>, 3>;

Deployments all_have(std::uint8_t mark) {
  const wire::DeploymentName name{{mark}, {mark}};
  return {name, name, name};
}

}  // namespace

TEST_CASE("three parties that agree share keys two by two, for one session, number and deployment") {
  auto secrets = agreed();
  const wire::DeploymentId id{1};
  std::array<protocol::PackKeysPtr, 3> keys;
  for (std::size_t i = 0; i < 3; ++i) keys[i] = secrets[i].serve(1, id).value()->open(4).value();
  CHECK(drawn(keys[0]->with(S1)) == drawn(keys[1]->with(S0)));
  CHECK(drawn(keys[0]->with(D)) == drawn(keys[2]->with(S0)));
  CHECK(drawn(keys[1]->with(D)) == drawn(keys[2]->with(S1)));
  CHECK(drawn(keys[0]->with(D)) != drawn(keys[1]->with(D)));
  // Whoever serves another number, or another deployment under an equal one, has other keys.
  const auto next = secrets[0].serve(2, id).value()->open(4).value();
  CHECK(drawn(next->with(D)) == drawn(secrets[2].serve(2, id).value()->open(4).value()->with(S0)));
  CHECK(drawn(next->with(D)) != drawn(keys[0]->with(D)));
  CHECK(drawn(next->with(D)) != drawn(secrets[1].serve(2, id).value()->open(4).value()->with(D)));
  CHECK(drawn(secrets[0].serve(3, id).value()->open(4).value()->with(D)) !=
        drawn(secrets[2].serve(3, {2}).value()->open(4).value()->with(S0)));
  CHECK(drawn(agreed()[0].serve(1, id).value()->open(4).value()->with(D)) != drawn(keys[0]->with(D)));
}

TEST_CASE("no number serves two models in one session") {
  auto secrets = agreed();
  CHECK(secrets[0].serve(2, {1}));
  for (const protocol::ModelNumber number : {1u, 2u}) {
    const auto again = secrets[0].serve(number, {7});
    REQUIRE_FALSE(again);
    CHECK(again.error().what.find("a model to serve: number") == 0);
  }
}

TEST_CASE("an X25519 key pair serves one agreement, and nothing of the secret that it gave stays behind") {
  if (tests::sanitized) return;
  SessionKeyPair pair;
  // The test is server 1, so that it knows what the pair will compute.
  const protocol::SecretMemory mine = protocol::secret_memory(32);
  protocol::random_bytes({mine.get(), 32});
  wire::PublicKey my_key;
  crypto_scalarmult_base(my_key.data(), mine.get());
  const std::array keys{pair.public_key(), my_key, SessionKeyPair().public_key()};
  const auto shared = [&] {
    const protocol::SecretMemory bytes = protocol::secret_memory(32);
    REQUIRE(crypto_scalarmult(bytes.get(), mine.get(), pair.public_key().data()) == 0);
    const tests::Unseen half(std::span<const std::uint8_t, 16>(bytes.get(), 16));
    CHECK(tests::memory_holds(half));
    return half;
  }();
  auto secrets = pair.agree(S0, keys, session_id(keys));
  REQUIRE(secrets);
  CHECK_FALSE(tests::memory_holds(shared));
  CHECK_THROWS_AS((void)pair.agree(S0, keys, session_id(keys)), std::logic_error);
}

TEST_CASE("a key that gives no secret is a violation, and the pair is spent on it all the same") {
  // Points of small order: the shared secret would be zero, whoever holds the other half.
  for (const std::uint8_t first : {std::uint8_t{0}, std::uint8_t{1}}) {
    SessionKeyPair pair;
    const std::array keys{pair.public_key(), SessionKeyPair().public_key(), wire::PublicKey{first}};
    const auto refused = pair.agree(S0, keys, session_id(keys));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == protocol::Fault::violation);
    CHECK(refused.error().what.find("crypto producer: the peer's public key gives no secret") != std::string::npos);
    CHECK_THROWS_AS((void)pair.agree(S0, keys, session_id(keys)), std::logic_error);
  }
}

namespace {

/// One layer of Blink, as two servers set it up.
struct SetUp {
  protocol::NetworkSpec network;
  protocol::Bound bound;

  SetUp() {
    network.input = {4, 4, 2};
    protocol::LayerSpec layer;
    layer.name = "conv";
    layer.conv = {network.input, 3, {3, 3, 1, 1, 1, 1, 1, 1}};
    network.layers.push_back(layer);
    bound = protocol::find_protocol("blink")->bind(network).value();
  }

  unsigned bits() const { return protocol::blink::widths(network, 0).linear; }

  std::vector<std::uint32_t> words(const protocol::Payload& payload) const {
    std::vector<std::uint32_t> out(network.layers[0].conv.filter_elements());
    tensor::unpack_bits(std::span(payload).first(tensor::packed_bytes(out.size(), bits())), bits(),
                        std::span<std::uint32_t>(out));
    return out;
  }

  /// F = W - B, which both servers see.
  std::vector<std::uint32_t> opened(const protocol::LayerWeights& weights, std::vector<SessionSecrets>& secrets,
                                    protocol::ModelNumber number, const wire::DeploymentId& id) const {
    const auto shares = bound.clients->share_weights(0, weights).value();
    std::vector<std::uint32_t> sum(network.layers[0].conv.filter_elements());
    for (const std::size_t server : {0u, 1u}) {
      const std::vector<protocol::Payload> of_server{shares[server]};
      const auto program = bound.parties->make_program({static_cast<PartyId>(server), of_server}).value();
      const auto keys = secrets[server].serve(number, id).value()->open(protocol::set_up_pack).value();
      const auto step = program->set_up(0, keys);
      const auto share = words(step->begin()->outbound.at(0).payload);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += share[i];
    }
    return sum;
  }
};

}  // namespace

TEST_CASE("one deployment id with two weight sets in one session: their masks differ, and F' - F says nothing") {
  const SetUp model;
  const std::uint32_t ring = (std::uint64_t{1} << model.bits()) - 1;
  const auto weights = [&](std::int32_t first) {
    protocol::LayerWeights w;
    for (std::size_t i = 0; i < model.network.layers[0].conv.filter_elements(); ++i)
      w.filter.push_back(first + static_cast<std::int32_t>(i));
    w.bias.assign(3, 0);
    return w;
  };
  const wire::DeploymentId id{9};
  constexpr std::int32_t change = 100;  // of every weight
  // How many elements of F' - F are those of W' - W.
  const auto told = [&](const std::vector<std::uint32_t>& before, const std::vector<std::uint32_t>& after) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < before.size(); ++i) n += ((after[i] - before[i]) & ring) == change;
    return n;
  };
  auto secrets = agreed();
  const auto first = model.opened(weights(-20), secrets, 1, id), second = model.opened(weights(80), secrets, 2, id);
  CHECK(told(first, second) < 3);
  // The comparison can fail: under one number, which a session refuses, hence in two made of one key pair.
  const auto pairs = [] {
    std::vector<SessionSecrets> two;
    for (const PartyId p : {S0, S1})
      two.emplace_back(p, wire::SessionId{},
                       protocol::KeySet{protocol::Key({1}), protocol::Key({2}), protocol::Key({3})});
    return two;
  };
  auto once = pairs(), twice = pairs();
  CHECK(told(model.opened(weights(-20), once, 1, id), model.opened(weights(80), twice, 1, id)) == first.size());
}

TEST_CASE("key pairs are fresh, and a session's id changes with any of the three keys and with their order") {
  std::array<wire::PublicKey, 3> keys;
  std::set<wire::SessionId> ids;
  for (auto& key : keys) key = SessionKeyPair().public_key();
  CHECK(session_id(keys) == session_id(keys));
  ids.insert(session_id(keys));
  for (auto& key : keys) {
    const auto before = key;
    key = SessionKeyPair().public_key();
    CHECK(key != before);
    ids.insert(session_id(keys));
  }
  std::swap(keys[0], keys[1]);
  ids.insert(session_id(keys));
  CHECK(ids.size() == 5);
}

TEST_CASE("the short form of a session's id is its first eight bytes, the lowest first") {
  wire::SessionId id{};
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<std::uint8_t>(i + 1);
  CHECK(short_session_id(id) == 0x0807060504030201);
}

TEST_CASE("parties that agree, and clients, are taken") {
  CHECK(mismatch(hello(PartyId::server0), hello(PartyId::server1), PartyId::server1).empty());
  CHECK(mismatch(hello(PartyId::server0), hello(PartyId::producer), {}).empty());
  CHECK(mismatch(hello(PartyId::server0), hello(PartyId::client), {}).empty());
}

TEST_CASE("what keeps two parties apart is told") {
  const auto own = hello(PartyId::server0);
  auto peer = hello(PartyId::server1);
  std::set<std::string> reasons;
  const auto add = [&](const wire::Hello& other, std::optional<PartyId> expected) {
    const auto reason = mismatch(own, other, expected);
    CHECK_FALSE(reason.empty());
    reasons.insert(reason);
  };
  peer.wire_version = wire::version + 1;
  add(peer, {});
  auto client = hello(PartyId::client);
  client.wire_version = wire::version - 1;
  add(client, {});
  add(hello(PartyId::server0), {});
  add(hello(PartyId::server1), PartyId::producer);
  add(hello(PartyId::client), PartyId::producer);
  peer = hello(PartyId::server1);
  peer.choice = "securenn";
  add(peer, {});
  CHECK(reasons.size() == 6);
}

TEST_CASE("the three serve when all have the same deployment, otherwise it is told who lacks what") {
  CHECK(deployment_mismatch(all_have(1)).empty());
  CHECK_FALSE(deployment_mismatch({}).empty());
  for (const auto party : {PartyId::server0, PartyId::server1, PartyId::producer}) {
    const auto i = static_cast<std::size_t>(party);
    auto without = all_have(1);
    without[i].reset();
    CHECK(deployment_mismatch(without).starts_with(protocol::party_name(party)));
    // The same plan brought twice is another deployment: its shares do not belong together.
    auto brought_again = all_have(1);
    brought_again[i]->id = {2};
    CHECK_FALSE(deployment_mismatch(brought_again).empty());
    auto other_plan = all_have(1);
    other_plan[i]->plan = {2};
    CHECK_FALSE(deployment_mismatch(other_plan).empty());
  }
}
