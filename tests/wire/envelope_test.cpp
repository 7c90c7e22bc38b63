#include "wire/envelope.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/support/text.h"
#include "wire/envelope.capnp.h"

using blindsight::tests::contains;
using namespace blindsight::wire;
using blindsight::protocol::Payload;

namespace {

constexpr std::size_t frame_bytes = 4096;
const ReaderLimits limits{frame_bytes, 1 << 20, 8};

Payload random_payload(std::size_t size, std::mt19937_64& rng) {
  Payload p(size);
  for (auto& b : p) b = static_cast<std::uint8_t>(rng());
  return p;
}

Header header_of(std::uint64_t pack, Kind kind = Kind::online, Lane lane = Lane::online) {
  return {kind, lane, 0x0123456789abcdef, blindsight::protocol::making(7, pack, 70'000, 11), 3};
}

std::vector<char> frames_of(const Header& header, const Payload& payload, std::uint32_t number) {
  Outgoing out({header, payload}, number);
  std::vector<char> bytes;
  while (!out.finished()) out.append_frame(frame_bytes, bytes);
  return bytes;
}

std::vector<char> without_prefix_of_first_frame(std::vector<char> bytes) {
  return {bytes.begin() + 4, bytes.end()};
}

std::string error_of(const std::vector<char>& bytes) {
  Reader reader(limits);
  std::vector<Message> out;
  auto fed = reader.feed(bytes, out);
  return fed ? "" : fed.error().what;
}

/// A frame of an envelope that was built by hand.
std::vector<char> framed(capnp::MessageBuilder& builder) {
  const auto words = capnp::messageToFlatArray(builder);
  const auto body = words.asChars();
  std::vector<char> bytes(4 + body.size());
  for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<char>(body.size() >> (8 * i) & 0xff);
  std::copy(body.begin(), body.end(), bytes.begin() + 4);
  return bytes;
}

}  // namespace

TEST_CASE("messages of any size come back whole, however the bytes are cut") {
  std::mt19937_64 rng(1);
  for (const std::size_t size : {0u, 1u, 7u, 8u, 4095u, 4096u, 4097u, 8192u, 100'003u}) {
    const auto payload = random_payload(size, rng);
    const auto bytes = frames_of(header_of(size), payload, 1);
    for (const std::size_t step : {std::size_t{1}, std::size_t{13}, std::size_t{4100}, bytes.size()}) {
      Reader reader(limits);
      std::vector<Message> out;
      for (std::size_t i = 0; i < bytes.size(); i += step)
        REQUIRE(reader.feed({bytes.data() + i, std::min(step, bytes.size() - i)}, out));
      REQUIRE(out.size() == 1);
      CHECK(out[0].header == header_of(size));
      CHECK(out[0].payload == payload);
    }
  }
}

TEST_CASE("a reader that asks for what it wants gets each frame in one piece") {
  std::mt19937_64 rng(2);
  const auto payload = random_payload(10'000, rng);
  const auto bytes = frames_of(header_of(1), payload, 1);
  Reader reader(limits);
  std::vector<Message> out;
  std::size_t at = 0, feeds = 0;
  while (at < bytes.size()) {
    const auto n = reader.wanted();
    REQUIRE(at + n <= bytes.size());
    REQUIRE(reader.feed({bytes.data() + at, n}, out));
    at += n;
    ++feeds;
  }
  CHECK(feeds == 6);
  REQUIRE(out.size() == 1);
  CHECK(out[0].payload == payload);
}

TEST_CASE("an urgent message may pass between the parts of a bulk one") {
  std::mt19937_64 rng(3);
  const auto bulk = random_payload(20'000, rng), urgent = random_payload(100, rng);
  Outgoing slow({header_of(1, Kind::deal, Lane::preprocessing), bulk}, 1), quick({header_of(2), urgent}, 2);
  std::vector<char> bytes;
  slow.append_frame(frame_bytes, bytes);
  quick.append_frame(frame_bytes, bytes);
  while (!slow.finished()) slow.append_frame(frame_bytes, bytes);
  Reader reader(limits);
  std::vector<Message> out;
  REQUIRE(reader.feed(bytes, out));
  REQUIRE(out.size() == 2);
  CHECK(out[0].payload == urgent);
  CHECK(out[1].payload == bulk);
}

TEST_CASE("bytes behind the payload are zero on the wire") {
  Payload payload(64, 0xee);
  payload.resize(61);
  const auto bytes = frames_of(header_of(1), payload, 1);
  const auto last = std::vector<char>(bytes.end() - 3, bytes.end());
  CHECK(last == std::vector<char>(3, '\0'));
}

TEST_CASE("hostile frames are refused with what was wrong") {
  std::mt19937_64 rng(4);
  SUBCASE("frame too long") {
    const std::vector<char> bytes{'\0', '\0', '\0', '\x7f'};
    CHECK(contains(error_of(bytes), "frame length 2130706432 bytes"));
  }
  SUBCASE("frame length that is no multiple of a word") {
    CHECK(contains(error_of({'\x0b', '\0', '\0', '\0'}), "frame length 11 bytes"));
  }
  SUBCASE("message of absurd size") {
    auto bytes = frames_of(header_of(1), random_payload(1 << 20, rng), 1);
    CHECK(error_of(bytes).empty());
    auto larger = frames_of(header_of(1), random_payload((1 << 20) + 1, rng), 1);
    CHECK(contains(error_of(larger), "announces 1048577 bytes"));
  }
  SUBCASE("part left out") {
    Outgoing out({header_of(1), random_payload(3 * frame_bytes, rng)}, 1);
    std::vector<char> bytes, lost;
    out.append_frame(frame_bytes, bytes);
    out.append_frame(frame_bytes, lost);
    out.append_frame(frame_bytes, bytes);
    CHECK(contains(error_of(bytes), "part 2 of 3 came when part 1 of 3 was expected"));
    CHECK(contains(error_of(lost), "starts with part 1"));
  }
  SUBCASE("part twice") {
    Outgoing out({header_of(1), random_payload(3 * frame_bytes, rng)}, 1);
    std::vector<char> bytes;
    out.append_frame(frame_bytes, bytes);
    const auto once = bytes;
    bytes.insert(bytes.end(), once.begin(), once.end());
    CHECK(contains(error_of(bytes), "part 0 of 3 came when part 1 of 3 was expected"));
  }
  SUBCASE("too many messages under way") {
    std::vector<char> bytes;
    for (std::uint32_t i = 0; i < 9; ++i) {
      Outgoing out({header_of(i), random_payload(2 * frame_bytes, rng)}, i);
      out.append_frame(frame_bytes, bytes);
    }
    CHECK(contains(error_of(bytes), "more than 8 messages"));
  }
  SUBCASE("a batch or an attempt, which this version does not know") {
    for (const bool batch : {true, false}) {
      capnp::MallocMessageBuilder builder;
      auto envelope = builder.initRoot<schema::Envelope>();
      envelope.setParts(1);
      CHECK(error_of(framed(builder)).empty());
      batch ? envelope.setBatch(1) : envelope.setAttempt(1);
      CHECK(contains(error_of(framed(builder)), "which this version does not know"));
    }
  }
  SUBCASE("no envelope at all") {
    std::vector<char> bytes{'\x10', '\0', '\0', '\0'};
    bytes.resize(20, '\xff');
    CHECK(contains(error_of(bytes), "frame is no envelope"));
  }
}

TEST_CASE("random damage never crashes and never passes unnoticed as a longer message") {
  std::mt19937_64 rng(5);
  const auto payload = random_payload(9000, rng);
  const auto good = frames_of(header_of(1), payload, 1);
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = good;
    const int flips = 1 + static_cast<int>(rng() % 4);
    for (int f = 0; f < flips; ++f) {
      // Most of the damage goes where the structure is.
      const std::size_t at = rng() % 4 == 0 ? rng() % bytes.size() : rng() % 200;
      bytes[at] = static_cast<char>(rng());
    }
    if (rng() % 8 == 0) bytes.resize(rng() % bytes.size());
    Reader reader(limits);
    std::vector<Message> out;
    (void)reader.feed(bytes, out);
    for (const auto& m : out) CHECK(m.payload.size() <= bytes.size());
  }
}

TEST_CASE("random bytes never crash the reader") {
  std::mt19937_64 rng(6);
  for (int i = 0; i < 5000; ++i) {
    const auto junk = random_payload(rng() % 300, rng);
    std::vector<char> bytes(junk.begin(), junk.end());
    if (bytes.size() > 4 && rng() % 2 == 0) {
      const auto size = static_cast<std::uint32_t>((bytes.size() - 4) & ~7u);
      for (int k = 0; k < 4; ++k) bytes[static_cast<std::size_t>(k)] = static_cast<char>(size >> (8 * k) & 0xff);
    }
    Reader reader(limits);
    std::vector<Message> out;
    (void)reader.feed(bytes, out);
  }
}

TEST_CASE("the first frame without its prefix is not taken for a frame") {
  std::mt19937_64 rng(7);
  const auto bytes = frames_of(header_of(1), random_payload(64, rng), 1);
  CHECK_FALSE(error_of(without_prefix_of_first_frame(bytes)).empty());
}
