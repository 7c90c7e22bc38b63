#include "actors/engine/inbox.h"

#include <doctest/doctest.h>

using namespace blindsight;
using actors::Inbox;
using protocol::Inbound;
using protocol::PartyId;

namespace {

Inbound message(PartyId from, std::uint16_t round, std::size_t bytes = 1) {
  return {from, round, protocol::Payload(bytes, 7)};
}

}  // namespace

TEST_CASE("an inbox hands over each sender's messages in the order of their rounds") {
  Inbox inbox;
  CHECK(inbox.add(message(PartyId::server1, 1)).empty());
  CHECK_FALSE(inbox.pop(std::nullopt));
  CHECK(inbox.add(message(PartyId::server1, 0)).empty());
  CHECK(inbox.pop(std::nullopt)->round == 0);
  CHECK(inbox.pop(std::nullopt)->round == 1);
  CHECK_FALSE(inbox.pop(std::nullopt));
}

TEST_CASE("a round that comes twice is refused, before and after it was handed over") {
  Inbox inbox;
  CHECK(inbox.add(message(PartyId::producer, 0)).empty());
  CHECK(inbox.add(message(PartyId::producer, 0)) == "round 0 of producer came twice");
  CHECK(inbox.pop(std::nullopt));
  CHECK(inbox.add(message(PartyId::producer, 0)) == "round 0 of producer came twice");
  CHECK(inbox.add(message(PartyId::server0, 0)).empty());
}

TEST_CASE("whoever must be first holds back everybody else's messages until then") {
  Inbox inbox;
  CHECK(inbox.add(message(PartyId::server1, 0)).empty());
  CHECK_FALSE(inbox.pop(PartyId::client));
  CHECK(inbox.add(message(PartyId::client, 0)).empty());
  CHECK(inbox.pop(PartyId::client)->from == PartyId::client);
  CHECK(inbox.pop(PartyId::client)->from == PartyId::server1);
}

TEST_CASE("an inbox counts the bytes that wait in it, and something for every message") {
  Inbox inbox;
  CHECK(inbox.bytes() == 0);
  CHECK(inbox.add(message(PartyId::server0, 0, 100)).empty());
  CHECK(inbox.add(message(PartyId::server1, 1, 20)).empty());
  const auto around = actors::held_bytes(message(PartyId::server0, 0, 0));
  CHECK(around > 0);
  CHECK(inbox.bytes() == 120 + 2 * around);
  CHECK(inbox.pop(std::nullopt));
  CHECK(inbox.bytes() == 20 + around);
  CHECK(inbox.add(message(PartyId::server0, 1, 0)).empty());
  CHECK(inbox.pop(std::nullopt));
  CHECK(inbox.bytes() == 20 + around);
}
