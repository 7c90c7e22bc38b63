#include "actors/session/handshake.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "wire/envelope.h"

using namespace blindsight;
using namespace blindsight::actors;
using protocol::PartyId;

namespace {

wire::SessionId session(std::uint8_t mark) {
  return {mark};
}

bool same(const protocol::Result<protocol::Key>& a, const protocol::Result<protocol::Key>& b) {
  REQUIRE(a);
  REQUIRE(b);
  return std::ranges::equal(a->bytes(), b->bytes());
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

TEST_CASE("two parties come to the same key, which nobody else has") {
  const SessionKeyPair a, b, c;
  const wire::DeploymentId deployment{1};
  CHECK(same(a.key_with(b.public_key(), session(1), deployment), b.key_with(a.public_key(), session(1), deployment)));
  CHECK_FALSE(
      same(a.key_with(b.public_key(), session(1), deployment), a.key_with(c.public_key(), session(1), deployment)));
  CHECK_FALSE(
      same(a.key_with(b.public_key(), session(1), deployment), c.key_with(b.public_key(), session(1), deployment)));
}

TEST_CASE("a key is for one session and one deployment") {
  const SessionKeyPair a, b;
  const auto key = a.key_with(b.public_key(), session(1), {1});
  CHECK(same(key, a.key_with(b.public_key(), session(1), {1})));
  CHECK_FALSE(same(key, a.key_with(b.public_key(), session(2), {1})));
  CHECK_FALSE(same(key, a.key_with(b.public_key(), session(1), {2})));
}

TEST_CASE("a key that gives no secret is a violation") {
  // Points of small order: the shared secret would be zero, whoever holds the other half.
  for (const std::uint8_t first : {std::uint8_t{0}, std::uint8_t{1}}) {
    const auto key = SessionKeyPair().key_with({first}, session(1), {1});
    REQUIRE_FALSE(key);
    CHECK(key.error().fault == protocol::Fault::violation);
  }
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
