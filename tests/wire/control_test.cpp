#include "wire/control.h"

#include <capnp/any.h>
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "protocol/core/text.h"
#include "wire/control.capnp.h"
#include "wire/envelope.h"

using namespace blindsight;
using namespace blindsight::wire;
using protocol::Fault;
using protocol::Payload;

namespace {

/// 1, 2, 3, ...: a field that is cut, shifted or left out differs.
template <class Bytes>
Bytes counted(std::uint8_t first) {
  Bytes bytes{};
  for (auto& b : bytes) b = first++;
  return bytes;
}

Hello hello() {
  Hello h;
  h.wire_version = version;
  h.software_version = "1.2.3";
  h.role = protocol::PartyId::producer;
  h.public_key = counted<PublicKey>(1);
  h.choice = "securenn/fresh/sent";
  h.deployment = DeploymentName{counted<DeploymentId>(2), counted<model::Digest>(3)};
  h.max_frame_bytes = 1234;
  return h;
}

Predict predict() {
  Predict p;
  p.header = {counted<QueryId>(4), counted<model::Digest>(5), counted<Fingerprint>(7), counted<Fingerprint>(8),
              1'700'000'000'123};
  p.server = blindsight::protocol::PartyId::server1;
  p.input_share = {1, 2, 3, 4, 5};
  p.timeline = true;
  return p;
}

Predicted predicted() {
  Predicted p;
  p.query = counted<QueryId>(6);
  p.attempt = counted<Attempt>(9);
  p.output_share = {1, 2, 3};
  p.report = {0.5, 1.5, 7, 8, 9, {}};
  p.report.layers.push_back({"input", 0, 1, 2, 3, 4, 5, 6, 7, 8});
  p.report.layers.push_back({"conv1", 1, 9, 10, 11, 12, 13, 14, 15, 16});
  p.report.layers[1].intervals = {{Interval::Kind::compute, 3, 10, 4'000'000'000, 0},
                                  {Interval::Kind::wait, 70'000, 0, 0, 0},
                                  {Interval::Kind::queue, 1, 5, 6, 0},
                                  {Interval::Kind::send, 0, 12, 12, std::uint64_t{1} << 40}};
  return p;
}

PartyStatus status() {
  PartyStatus s;
  s.version = "1.2.3";
  s.wire_version = 4;
  s.role = protocol::PartyId::server1;
  s.choice = "blink";
  s.in_session = true;
  s.session = "connected";
  s.deployment = "skin";
  s.plan_digest = "abcd";
  s.serving = true;
  s.packs_ready = 5;
  s.pack_depth = 6;
  s.queries_in_flight = 7;
  s.clock_unix_ns = -8;
  s.cores = 9;
  s.isa = "avx2";
  s.disk_free_bytes = 10;
  s.plaintext_links_allowed = true;
  return s;
}

/// A message that a stranger has built.
template <class Schema, class Fill>
Payload built(Fill fill) {
  capnp::MallocMessageBuilder builder;
  fill(builder.initRoot<Schema>());
  const auto words = capnp::messageToFlatArray(builder);
  return {words.asBytes().begin(), words.asBytes().end()};
}

template <class T>
bool refused(std::span<const std::uint8_t> bytes) {
  const auto read = decode<T>(bytes);
  return !read && read.error().fault == Fault::violation;
}

/// Whether `bytes` is a T, and no shorter piece of it is.
template <class T>
void check_only_whole(const Payload& bytes) {
  CHECK(decode<T>(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK(refused<T>(std::span(bytes).first(size)));
  }
}

}  // namespace

TEST_CASE("a hello survives the way, with a deployment and without one") {
  auto sent = hello();
  CHECK(*decode<Hello>(encode(sent)) == sent);
  sent.deployment.reset();
  CHECK(*decode<Hello>(encode(sent)) == sent);
}

TEST_CASE("what a session is agreed and steered by survives the way") {
  const Confirm confirm{counted<SessionId>(1), 70'000};
  CHECK(*decode<Confirm>(encode(confirm)) == confirm);
  CHECK(decode<QueryName>(encode(QueryName{counted<QueryId>(1)}))->query == counted<QueryId>(1));
  for (const auto number : {std::uint64_t{0}, std::uint64_t{5}, ~std::uint64_t{0}})
    CHECK(decode<Number>(encode(Number{number}))->number == number);
  const auto begin = decode<DeployBegin>(encode(DeployBegin{counted<DeploymentId>(1), {4, 5, 6}, "skin"}));
  REQUIRE(begin);
  CHECK(begin->id == counted<DeploymentId>(1));
  CHECK(begin->plan == Payload{4, 5, 6});
  CHECK(begin->name == "skin");
}

TEST_CASE("a query and its answer survive the way, with every field of the report") {
  auto asked = predict();
  const auto read = decode<Predict>(encode(asked));
  REQUIRE(read);
  CHECK(read->header == asked.header);
  CHECK(read->server == asked.server);
  CHECK(read->input_share == asked.input_share);
  CHECK(read->timeline);
  asked.timeline = false;
  CHECK_FALSE(decode<Predict>(encode(asked))->timeline);

  const auto answer = predicted();
  const auto again = decode<Predicted>(encode(answer));
  REQUIRE(again);
  CHECK(again->query == answer.query);
  CHECK(again->output_share == answer.output_share);
  CHECK(again->report == answer.report);
}

TEST_CASE("what a party says of itself survives the way") {
  const auto said = status();
  CHECK(*decode<PartyStatus>(encode(said)) == said);
}

TEST_CASE("a text is sent to its end, whatever is in it") {
  auto said = status();
  said.session = std::string("before\0behind", 13);
  CHECK(decode<PartyStatus>(encode(said))->session == "before?behind");
}

TEST_CASE("what a party says of itself is printable and of a bounded length, whatever it sent") {
  auto s = status();
  Hello h;
  const std::string nasty = "\x1b[2J\n" + std::string(1 << 16, 'x');
  s.version = s.choice = s.session = s.deployment = s.plan_digest = s.isa = nasty;
  h.software_version = h.choice = nasty;
  const auto read = decode<PartyStatus>(encode(s));
  REQUIRE(read);
  const auto greeting = decode<Hello>(encode(h));
  REQUIRE(greeting);
  for (const auto& text : {read->version, read->choice, read->session, read->deployment, read->plan_digest, read->isa,
                           greeting->software_version, greeting->choice}) {
    CHECK(protocol::is_printable(text));
    CHECK(text.size() < 3000);
  }
}

TEST_CASE(
    "a failure survives the way with its kind, one that is not known is internal, and words from outside are tamed") {
  for (std::uint8_t number = 0; number <= static_cast<std::uint8_t>(Fault::last); ++number) {
    const Failure failure{{1, 2, 3},
                          {static_cast<Fault>(number), "why", number % 2 == 0 ? std::optional(7u) : std::nullopt}};
    const auto back = decode<Failure>(encode(failure));
    REQUIRE(back);
    CHECK(back->query == failure.query);
    CHECK(back->error == failure.error);
  }
  CHECK(decode<Failure>(encode(Failure{{}, {static_cast<Fault>(200), "new"}}))->error.fault == Fault::internal);
  const auto forged =
      decode<Failure>(encode(Failure{{}, {Fault::busy, "one\nline \x1b[31m" + std::string(100'000, 'x')}}));
  REQUIRE(forged);
  CHECK(forged->error.what.starts_with("one?line ?[31m"));
  CHECK(forged->error.what.size() < 5000);
}

TEST_CASE("a report's intervals: as many as are allowed are read, more, unknown ones and impossible ones are refused") {
  auto answer = predicted();
  auto& intervals = answer.report.layers[1].intervals;
  intervals[1] = {static_cast<Interval::Kind>(4), 0, 0, 0, 0};
  CHECK(refused<Predicted>(encode(answer)));
  intervals[1] = {Interval::Kind::wait, 0, 2, 1, 0};
  CHECK(refused<Predicted>(encode(answer)));
  intervals.assign(max_intervals, {Interval::Kind::wait, 1, 2, 3, 0});
  CHECK(decode<Predicted>(encode(answer)));
  intervals.push_back({});
  CHECK(refused<Predicted>(encode(answer)));
}

TEST_CASE("an identifier or a key of another length is refused, and so is an unknown role") {
  const std::uint8_t bytes[33] = {};
  const auto of = [&](std::size_t size) { return kj::arrayPtr(bytes, size); };
  for (const bool longer : {false, true}) {
    const std::size_t id = longer ? 17 : 15, key = longer ? 33 : 31;
    CHECK(refused<Confirm>(built<schema::Confirm>([&](auto b) { b.setSessionId(of(key)); })));
    CHECK(refused<QueryName>(built<schema::QueryName>([&](auto b) { b.setQueryId(of(id)); })));
    CHECK(refused<Failure>(built<schema::Failure>([&](auto b) { b.setQueryId(of(id)); })));
    CHECK(refused<Predicted>(built<schema::Predicted>([&](auto b) { b.setQueryId(of(id)); })));
    CHECK(refused<DeployBegin>(built<schema::DeployBegin>([&](auto b) { b.setDeploymentId(of(id)); })));
    for (const bool query : {true, false})
      CHECK(refused<Predict>(built<schema::Predict>([&](auto b) {
        b.setQueryId(of(query ? id : 16));
        b.setPlanDigest(of(query ? 32 : key));
      })));
    CHECK(refused<Hello>(built<schema::Hello>([&](auto b) { b.setPublicKey(of(key)); })));
  }
  const auto with_role = [&](unsigned role) {
    return built<schema::Hello>([&](auto b) {
      b.setPublicKey(of(32));
      b.setRole(static_cast<std::uint8_t>(role));
    });
  };
  CHECK(decode<Hello>(with_role(3)));
  CHECK(refused<Hello>(with_role(4)));
  CHECK(refused<PartyStatus>(built<schema::Status>([&](auto b) { b.setRole(4); })));
}

TEST_CASE("half a deployment's name is refused") {
  const std::uint8_t bytes[32] = {};
  for (const bool id : {true, false})
    CHECK(refused<Hello>(built<schema::Hello>([&](auto b) {
      b.setPublicKey(kj::arrayPtr(bytes, 32));
      id ? b.setDeploymentId(kj::arrayPtr(bytes, 16)) : b.setPlanDigest(kj::arrayPtr(bytes, 32));
    })));
}

TEST_CASE("a message of which bytes are missing is refused") {
  check_only_whole<Hello>(encode(hello()));
  check_only_whole<Confirm>(encode(Confirm{counted<SessionId>(1)}));
  check_only_whole<QueryName>(encode(QueryName{counted<QueryId>(1)}));
  check_only_whole<Failure>(encode(Failure{{}, {Fault::busy, "why"}}));
  check_only_whole<Predict>(encode(predict()));
  check_only_whole<Predicted>(encode(predicted()));
  check_only_whole<DeployBegin>(encode(DeployBegin{counted<DeploymentId>(1), {4, 5, 6}, "skin"}));
  check_only_whole<Number>(encode(Number{5}));
  check_only_whole<PartyStatus>(encode(status()));
}

TEST_CASE("a message may lie at any address") {
  const auto bytes = encode(hello());
  for (std::size_t shift = 0; shift < 8; ++shift) {
    Payload buffer(shift + bytes.size());
    std::copy(bytes.begin(), bytes.end(), buffer.begin() + static_cast<std::ptrdiff_t>(shift));
    CHECK(*decode<Hello>(std::span<const std::uint8_t>(buffer).subspan(shift)) == hello());
  }
}

TEST_CASE("no message at all is refused at any address") {
  const Payload buffer(8);
  for (std::size_t shift = 0; shift < 8; ++shift) CHECK(refused<Confirm>(std::span(buffer).subspan(shift, 0)));
}

TEST_CASE("what is refused is not quoted as it is") {
  // A text of which the last byte is not the zero that ends it; the words of the refusal show that byte.
  auto bytes = built<schema::Status>([](auto b) { b.setVersion("1234567"); });
  for (const std::uint8_t end : {0x1b, 0x07, 0xff}) {
    bytes.back() = end;
    const auto read = decode<PartyStatus>(bytes);
    REQUIRE_FALSE(read);
    CHECK(protocol::is_printable(read.error().what));
  }
}

TEST_CASE("a short message that stands for a huge one is refused") {
  // A list of things without content takes no bytes, however long it is; layers are the third pointer of the struct.
  capnp::MallocMessageBuilder builder;
  const std::uint8_t id[16] = {};
  builder.initRoot<schema::Predicted>().setQueryId(kj::arrayPtr(id, 16));
  auto pointers = builder.getRoot<capnp::AnyStruct>().getPointerSection();
  pointers[2].initAs<capnp::List<capnp::Void>>(1U << 20U);
  const auto words = capnp::messageToFlatArray(builder);
  const Payload bytes(words.asBytes().begin(), words.asBytes().end());
  CHECK(bytes.size() < 200);
  CHECK(refused<Predicted>(bytes));
}

TEST_CASE("random bytes and random damage never crash a decoder") {
  std::mt19937_64 rng(6);
  const auto read_as_all = [](const Payload& bytes) {
    (void)decode<Hello>(bytes);
    (void)decode<Confirm>(bytes);
    (void)decode<QueryName>(bytes);
    (void)decode<Failure>(bytes);
    (void)decode<Predict>(bytes);
    (void)decode<Predicted>(bytes);
    (void)decode<DeployBegin>(bytes);
    (void)decode<Number>(bytes);
    (void)decode<PartyStatus>(bytes);
  };
  const auto whole = encode(predicted());
  for (int i = 0; i < 5000; ++i) {
    Payload junk(8 * (rng() % 40));
    for (auto& b : junk) b = static_cast<std::uint8_t>(rng());
    read_as_all(junk);
    auto damaged = whole;
    for (int k = 0; k < 3; ++k) damaged[rng() % damaged.size()] = static_cast<std::uint8_t>(rng());
    read_as_all(damaged);
  }
}
