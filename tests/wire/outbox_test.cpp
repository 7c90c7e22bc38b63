#include "wire/outbox.h"

#include <doctest/doctest.h>

using namespace blindsight;
using protocol::Payload;
using wire::Kind;
using wire::Lane;

namespace {

wire::Message message(Lane lane, std::uint64_t pack, std::uint16_t value, std::size_t bytes, std::uint8_t mark) {
  const auto kind = lane == Lane::control ? Kind::status : lane == Lane::online ? Kind::online : Kind::deal;
  return {{kind, lane, 1, protocol::making(value, pack), 0}, Payload(bytes, mark)};
}

/// Marks of the messages in the order in which they are complete on the wire.
std::vector<int> order_of(wire::Outbox& outbox) {
  std::vector<char> bytes;
  while (!outbox.empty()) outbox.append_frame(4096, bytes);
  wire::Reader reader({4096, 1 << 20, 100});
  std::vector<wire::Message> out;
  REQUIRE(reader.feed(bytes, out));
  std::vector<int> marks;
  for (const auto& m : out) marks.push_back(m.payload.front());
  return marks;
}

}  // namespace

TEST_CASE("the outbox orders by lane, then oldest query, then last value, then arrival") {
  wire::Outbox outbox(true);
  outbox.push(message(Lane::preprocessing, 1, 0, 10, 9));
  outbox.push(message(Lane::online, 2, 5, 10, 7));
  outbox.push(message(Lane::online, 1, 1, 10, 5));
  outbox.push(message(Lane::online, 1, 3, 10, 3));
  outbox.push(message(Lane::online, 1, 3, 10, 4));
  outbox.push(message(Lane::control, 8, 0, 10, 1));
  outbox.push(message(Lane::control, 3, 0, 10, 2));
  CHECK(order_of(outbox) == std::vector<int>{1, 2, 3, 4, 5, 7, 9});
}

TEST_CASE("an outbox without order is first come, first served") {
  wire::Outbox outbox(false);
  for (const auto mark : {1, 2, 3})
    outbox.push(message(mark == 3 ? Lane::control : Lane::preprocessing, 9u - static_cast<unsigned>(mark), 0, 5000,
                        static_cast<std::uint8_t>(mark)));
  CHECK(order_of(outbox) == std::vector<int>{1, 2, 3});
}

TEST_CASE("an urgent message overtakes a bulk message that is half sent") {
  wire::Outbox outbox(true);
  outbox.push(message(Lane::preprocessing, 1, 0, 50'000, 9));
  std::vector<char> bytes;
  outbox.append_frame(4096, bytes);
  outbox.push(message(Lane::online, 1, 0, 10, 1));
  CHECK(outbox.queued_bytes(Lane::preprocessing) == 50'000 - 4096);
  const auto frame = outbox.append_frame(4096, bytes);
  CHECK(frame.lane == Lane::online);
  CHECK(outbox.queued_bytes(Lane::online) == 0);
}
