#include "protocol/core/routine.h"

#include <doctest/doctest.h>

namespace blindsight::protocol {
namespace {

Payload bytes(std::size_t n, std::uint8_t value) {
  return Payload(n, value);
}

Routine<int> sum_of_two(Channel& channel, PartyId from) {
  const Payload first = co_await channel.receive(from, 2, "a first pair");
  channel.send(from, bytes(1, first[0]));
  const Payload second = co_await channel.receive(from, 2, "a second pair");
  co_return first[0] + second[1];
}

Routine<> both(Channel& channel, int& result) {
  channel.send(PartyId::server1, bytes(3, 9));
  const int one = co_await sum_of_two(channel, PartyId::server1);
  const int two = co_await sum_of_two(channel, PartyId::producer);
  result = 100 * one + two;
}

RoutineStep step(int& result) {
  return RoutineStep("layer 'x', band 0", [&result](Channel& channel) { return both(channel, result); });
}

std::string error(const Result<Progress>& p) {
  REQUIRE_FALSE(p);
  return p.error().what;
}

TEST_CASE("a routine's step sends, numbers rounds by receiver, and keeps what comes before its turn") {
  int result = 0;
  RoutineStep s = step(result);
  auto p = s.begin();
  REQUIRE(p);
  REQUIRE(p->outbound.size() == 1);
  CHECK(p->outbound[0].to == PartyId::server1);
  CHECK(p->outbound[0].round == 0);
  // The producer is ahead: both its messages come first.
  for (const std::uint16_t round : {0, 1}) {
    p = s.advance({PartyId::producer, round, bytes(2, static_cast<std::uint8_t>(3 + round))});
    REQUIRE(p);
    CHECK(p->outbound.empty());
    CHECK_FALSE(p->done);
  }
  p = s.advance({PartyId::server1, 0, bytes(2, 1)});
  REQUIRE(p);
  REQUIRE(p->outbound.size() == 1);
  CHECK(p->outbound[0].round == 1);
  p = s.advance({PartyId::server1, 1, bytes(2, 2)});
  REQUIRE(p);
  CHECK(p->done);
  REQUIRE(p->outbound.size() == 1);
  CHECK(p->outbound[0].to == PartyId::producer);
  CHECK(p->outbound[0].round == 0);
  CHECK(result == 307);
  CHECK(error(s.advance({PartyId::server1, 2, bytes(2, 2)})).find("awaited none") != std::string::npos);
}

TEST_CASE(
    "a message of the wrong length or round, or one too many, is an error with place, sender and what was awaited") {
  int result = 0;
  RoutineStep wrong_length = step(result);
  REQUIRE(wrong_length.begin());
  const std::string length = error(wrong_length.advance({PartyId::server1, 0, bytes(5, 1)}));
  CHECK(length.find("layer 'x', band 0: a first pair") != std::string::npos);
  CHECK(length.find("5 bytes from server1; awaited 2") != std::string::npos);

  RoutineStep wrong_round = step(result);
  REQUIRE(wrong_round.begin());
  const std::string round = error(wrong_round.advance({PartyId::server1, 1, bytes(2, 1)}));
  CHECK(round.find("round 1") != std::string::npos);
  CHECK(round.find("a first pair from server1") != std::string::npos);

  RoutineStep too_many = step(result);
  REQUIRE(too_many.begin());
  for (const std::uint16_t r : {0, 1, 2}) REQUIRE(too_many.advance({PartyId::producer, r, bytes(2, 1)}));
  REQUIRE(too_many.advance({PartyId::server1, 0, bytes(2, 1)}));
  CHECK(error(too_many.advance({PartyId::server1, 1, bytes(2, 1)})).find("more than awaited from producer") !=
        std::string::npos);
  CHECK(result == 202);
}

TEST_CASE("a routine that was never finished goes without a trace") {
  int result = 7;
  {
    RoutineStep s = step(result);
    REQUIRE(s.begin());
    REQUIRE(s.advance({PartyId::server1, 0, bytes(2, 1)}));
  }
  CHECK(result == 7);
}

}  // namespace
}  // namespace blindsight::protocol
