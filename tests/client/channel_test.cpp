#include "client/channel.h"

#include <doctest/doctest.h>

#include <future>
#include <thread>

#include "tests/client/support/parties.h"
#include "tests/support/text.h"

using namespace blindsight;
using namespace blindsight::tests;
using namespace std::chrono_literals;
using client::Channel;
using protocol::Fault;
using protocol::PartyId;
using wire::Kind;
using wire::Message;

namespace {

using Half = protocol::Result<wire::Predicted>;
using Answer = protocol::Result<Message>;

wire::QueryId query(std::uint8_t number) {
  return {number};
}

protocol::Payload predict(std::uint8_t number, std::size_t share_bytes = 8) {
  wire::Predict half;
  half.header.job = query(number);
  half.input_share = protocol::Payload(share_bytes, number);
  return wire::encode(half);
}

Message answer(Kind kind, protocol::Payload payload = {}) {
  return {wire::control_header(kind), std::move(payload)};
}

/// A channel to a fake party, and the loop that it needs.
class Connected {
 public:
  explicit Connected(FakeParty::Handler handler = answer_all, const config::ClientConfig& config = {})
      : party(PartyId::server0, std::move(handler)) {
    on_loop([&] { channel_.emplace(loop_, party.address(), PartyId::server0, config, nullptr); });
  }
  ~Connected() {
    on_loop([&] { channel_.reset(); });
    loop_.stop();
  }
  Connected(const Connected&) = delete;
  Connected& operator=(const Connected&) = delete;

  std::future<Half> predict(std::uint8_t number, std::size_t share_bytes = 8) {
    return asked<Half>([&](Channel::Answered answered) {
      channel_->predict(query(number), ::predict(number, share_bytes), std::move(answered));
    });
  }
  std::future<Answer> request(Kind kind, Kind expected, std::chrono::milliseconds patience = 1h,
                              protocol::LayerId layer = protocol::no_layer) {
    return asked<Answer>(
        [&](Channel::Done done) { channel_->request(kind, {}, layer, expected, patience, std::move(done)); });
  }
  void cancel(std::uint8_t number) {
    on_loop([&] { channel_->cancel(query(number)); });
  }
  void close() {
    on_loop([&] { channel_.reset(); });
  }
  template <class Work>
  void on_loop(Work work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }
  Channel& channel() { return *channel_; }

  FakeParty party;

 private:
  template <class Got, class Ask>
  std::future<Got> asked(Ask ask) {
    auto promise = std::make_shared<std::promise<Got>>();
    on_loop([&] { ask([promise](Got got) { promise->set_value(std::move(got)); }); });
    return promise->get_future();
  }

  client::Loop loop_;
  std::optional<Channel> channel_;
};

template <class Got>
Fault fault_of(std::future<Got> answer) {
  const auto got = answer.get();
  REQUIRE_FALSE(got);
  return got.error().fault;
}

}  // namespace

TEST_CASE("nothing is connected before something is asked, what was asked meanwhile is sent when it is") {
  Connected c;
  CHECK(c.channel().connections() == 0);
  CHECK(c.party.connections() == 0);
  std::vector<std::future<Half>> answers;
  for (std::uint8_t i = 1; i <= 5; ++i) answers.push_back(c.predict(i));
  for (std::uint8_t i = 1; i <= 5; ++i) {
    const auto got = answers[i - 1U].get();
    REQUIRE(got);
    CHECK(got->query == query(i));
  }
  CHECK(c.channel().connections() == 1);
  CHECK(c.party.connections() == 1);
  CHECK(c.channel().name() == "server0 (" + config::to_string(c.party.address()) + ")");
}

TEST_CASE("a message of many frames is cut as the other end takes them, and arrives whole") {
  Connected c;
  const std::size_t bytes = 3 * FakeParty::frame_bytes * 100 + 5;
  const auto got = c.predict(7, bytes).get();
  REQUIRE(got);
  CHECK(got->output_share == protocol::Payload(bytes, 7));
}

TEST_CASE("requests go one at a time, in their order and with their layer, and queries do not wait for them") {
  Kept kept(Kind::deploy_share);
  Connected c([&](const Message& message) {
    return message.header.kind == Kind::predict ? answer_all(message) : kept.handler()(message);
  });
  auto first = c.request(Kind::deploy_share, Kind::deployed, 1h, 3);
  auto second = c.request(Kind::deploy_share, Kind::deployed, 1h, 4);
  CHECK(kept.wait_for(1).front().header.work.layer == 3);
  CHECK(c.predict(1).get());
  // The second would have come before the query.
  CHECK(c.party.received(Kind::deploy_share) == 1);
  c.party.send(answer(Kind::deployed));
  CHECK(first.get());
  CHECK(kept.wait_for(2).back().header.work.layer == 4);
  c.party.send(answer(Kind::deployed));
  CHECK(second.get());
  CHECK(c.channel().connections() == 1);
}

TEST_CASE("a failure of no query answers the request under way, the connection stays") {
  Connected c([](const Message& message) -> std::vector<Message> {
    if (message.header.kind == Kind::plan_request) return {refusal({}, Fault::not_serving, 300)};
    return {answer(Kind::status)};
  });
  const auto got = c.request(Kind::plan_request, Kind::plan).get();
  REQUIRE_FALSE(got);
  CHECK(got.error().fault == Fault::not_serving);
  CHECK(got.error().retry_after_ms == 300);
  CHECK(got.error().what.starts_with(c.channel().name()));
  CHECK(c.request(Kind::status_request, Kind::status).get());
  CHECK(c.channel().connections() == 1);
}

TEST_CASE("a request's answer of another kind is a violation, and the connection ends with all that is on it") {
  Connected c([](const Message& message) -> std::vector<Message> {
    if (message.header.kind == Kind::plan_request) return {answer(Kind::status)};
    return {};
  });
  auto query = c.predict(1);
  auto request = c.request(Kind::plan_request, Kind::plan);
  CHECK(fault_of(std::move(request)) == Fault::violation);
  CHECK(fault_of(std::move(query)) == Fault::violation);
}

TEST_CASE("what cannot be read is a violation") {
  Connected c([](const Message& message) -> std::vector<Message> {
    if (message.header.kind == Kind::predict) return {answer(Kind::predicted, {1, 2, 3})};
    return {answer(Kind::failure, {1, 2, 3})};
  });
  CHECK(fault_of(c.predict(1)) == Fault::violation);
  CHECK(fault_of(c.request(Kind::plan_request, Kind::plan)) == Fault::violation);
}

TEST_CASE("a request that is not answered in its time ends the connection: a late answer would be another's") {
  Kept kept(Kind::plan_request);
  Connected c(kept.handler());
  CHECK(fault_of(c.request(Kind::plan_request, Kind::plan, 10ms)) == Fault::timed_out);
  auto next = c.request(Kind::plan_request, Kind::plan);
  kept.wait_for(2);
  CHECK(c.channel().connections() == 2);
  c.party.send(answer(Kind::plan));
  CHECK(next.get());
}

TEST_CASE("a refusal of the connection is told to all that waits for it, with its kind and when to try again") {
  Connected c([](const Message& message) -> std::vector<Message> {
    if (message.header.kind != Kind::predict) return {};
    return {answer(Kind::refuse, wire::encode(wire::Failure{{}, {Fault::busy, "too many", 500}}))};
  });
  auto request = c.request(Kind::plan_request, Kind::plan);
  const auto got = c.predict(1).get();
  REQUIRE_FALSE(got);
  CHECK(got.error().fault == Fault::busy);
  CHECK(got.error().retry_after_ms == 500);
  CHECK(fault_of(std::move(request)) == Fault::busy);
}

TEST_CASE("a query that is given up is not called any more, the party is told, if it has heard of the query") {
  Kept kept;
  Connected c(kept.handler());
  // Given up before the connection stands: its payload does not leave.
  c.on_loop([&] {
    c.channel().predict(query(1), predict(1), [](const Half&) { FAIL_CHECK("it was given up"); });
    c.channel().cancel(query(1));
  });
  auto second = c.predict(2);
  CHECK(wire::decode<wire::Predict>(kept.wait_for(1).front().payload)->header.job == query(2));
  CHECK(c.party.received(Kind::cancel) == 0);

  auto third = c.predict(3);
  const auto messages = kept.wait_for(2);
  c.cancel(3);
  c.cancel(3);
  CHECK(eventually([&] { return c.party.received(Kind::cancel) == 1; }));
  // Answers to a query that was given up are dropped, the connection stays.
  c.party.send(echo(messages.back()));
  c.party.send(refusal(query(3), Fault::internal));
  c.party.send(echo(messages.front()));
  CHECK(second.get());
  CHECK(c.party.received(Kind::predict) == 2);
  CHECK(c.party.received(Kind::cancel) == 1);
  CHECK_THROWS_AS(third.get(), std::future_error);  // nobody will answer
}

TEST_CASE("a channel that ends tells all that is under way, also while it connects") {
  for (const bool connected : {true, false}) {
    Kept kept;
    Connected c(kept.handler());
    if (connected) {
      auto first = c.predict(1);
      kept.wait_for(1);
      c.close();
      CHECK(fault_of(std::move(first)) == Fault::refused);
    } else {
      std::promise<Fault> told;
      c.on_loop([&] {
        c.channel().predict(query(1), predict(1), [&](const Half& got) { told.set_value(got.error().fault); });
      });
      c.close();
      CHECK(told.get_future().get() == Fault::refused);
    }
  }
}

TEST_CASE("a party that falls silent while a query is under way is lost, with its name, and one that answers is not") {
  config::ClientConfig config;
  config.link.ping_interval_ms = 10;
  config.link.silence_ms = 500;
  Connected c([](const Message&) { return std::vector<Message>{}; }, config);
  auto half = c.predict(1);
  // More pings than silence has room for.
  for (int i = 0; i < 10'000 && c.party.received(Kind::ping) < 100; ++i) std::this_thread::sleep_for(1ms);
  CHECK(c.party.received(Kind::ping) >= 100);
  CHECK(half.wait_for(0s) == std::future_status::timeout);
  c.party.fall_silent();
  const auto lost = half.get();
  REQUIRE_FALSE(lost);
  CHECK(lost.error().fault == Fault::peer_lost);
  CHECK(contains(lost.error().what, "server0 (127.0.0.1:"));
  CHECK(contains(lost.error().what, "has not answered for 500 ms"));
}

TEST_CASE("nobody is pinged while no query is under way") {
  config::ClientConfig config;
  config.link.ping_interval_ms = 1;
  Connected c(answer_all, config);
  REQUIRE(c.predict(1).get());
  const auto pings = [&] { return c.party.received(Kind::ping); };
  // The channel is as idle as it will be.
  REQUIRE(c.predict(2).get());
  const auto before = pings();
  std::this_thread::sleep_for(50ms);
  CHECK(pings() <= before + 1);
}
