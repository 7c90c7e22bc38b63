#include "client/client.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "tests/client/support/parties.h"
#include "tests/support/text.h"

using namespace blindsight;
using namespace blindsight::tests;
using protocol::Fault;
using wire::Kind;
using wire::Message;

namespace {

const std::vector<std::int64_t> input{3, -4};

}  // namespace

TEST_CASE("a query is shared, answered by both servers and put together") {
  Parties parties;
  client::Client client(parties.config());
  std::vector<client::QueryState> states;
  const auto answer =
      client.predict(identity(), input, {.progress = [&](client::QueryState state) { states.push_back(state); }});
  if (!answer) FAIL(answer.error().what);
  CHECK(answer->outputs == input);
  CHECK(answer->logits.size() == 2);
  CHECK(states == std::vector{client::QueryState::sharing, client::QueryState::computing, client::QueryState::done});
}

TEST_CASE("a connection is kept: the second query needs no new one, and none is made to a party that is not asked") {
  Parties parties;
  client::Client client(parties.config());
  for (int i = 0; i < 5; ++i) REQUIRE(client.predict(identity(), input));
  CHECK(client.connections_to(config::Role::server0) == 1);
  CHECK(parties.server0.connections() == 1);
  CHECK(parties.server1.connections() == 1);
  CHECK(parties.producer.connections() == 0);
}

TEST_CASE("many queries are under way on one connection, and answers may come in any order") {
  Kept kept;
  Parties parties(kept.handler());
  client::Client client(parties.config());
  const auto model = identity();
  std::vector<client::Query> queries;
  for (std::int64_t i = 0; i < 20; ++i) queries.push_back(client.submit(model, std::vector<std::int64_t>{i, -i}));
  auto messages = kept.wait_for(queries.size());
  std::ranges::reverse(messages);
  for (const auto& message : messages) parties.server0.send(echo(message));
  for (std::int64_t i = 0; i < 20; ++i) {
    const auto& answer = queries[static_cast<std::size_t>(i)].get();
    REQUIRE(answer);
    CHECK(answer->outputs == std::vector<std::int64_t>{i, -i});
  }
  CHECK(parties.server0.connections() == 1);
}

TEST_CASE("a query that is given up ends at once, both servers are told, and others go on") {
  Kept kept;
  Parties parties(kept.handler());
  client::Client client(parties.config());
  const auto model = identity();
  const auto first = client.submit(model, input), second = client.submit(model, input);
  const auto messages = kept.wait_for(2);
  first.cancel();
  REQUIRE_FALSE(first.get());
  CHECK(first.get().error().fault == Fault::refused);
  CHECK(eventually([&] { return parties.server0.received(Kind::cancel) == 1; }));
  // Server 1 has answered its half already: there is nothing to tell it.
  for (const auto& message : messages) parties.server0.send(echo(message));
  CHECK(second.get());
  CHECK(parties.server0.connections() == 1);
}

TEST_CASE("a deadline ends a query with the name of the server that did not answer") {
  Kept kept;
  Parties parties(answer_all, kept.handler());
  client::Client client(parties.config());
  const auto answer = client.predict(identity(), input, {.deadline = std::chrono::milliseconds(50)});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::timed_out);
  CHECK(contains(answer.error().what, "server1 (127.0.0.1:"));
  CHECK_FALSE(contains(answer.error().what, "server0"));
  CHECK(eventually([&] { return parties.server1.received(Kind::cancel) == 1; }));
}

TEST_CASE("a server's refusal arrives with its kind, its reason and when to ask again") {
  Parties parties([](const Message& message) -> std::vector<Message> {
    if (message.header.kind != Kind::predict) return {};
    return {refusal(wire::decode<wire::Predict>(message.payload)->header.job, Fault::busy, 250)};
  });
  client::Client client(parties.config());
  const auto answer = client.predict(identity(), input, {.ask_again = false});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::busy);
  CHECK(answer.error().retry_after_ms == 250);
  CHECK(parties.server0.received(Kind::predict) == 1);
  CHECK(contains(answer.error().what, "server0 (127.0.0.1:"));
}

TEST_CASE("a query that is refused for the moment is asked again when the server says, with fresh number and shares") {
  for (const auto fault : {Fault::busy, Fault::not_serving}) {
    Kept first, second;
    Parties parties(first.handler(), second.handler());
    client::Client client(parties.config());
    const auto query = client.submit(identity(), input);
    for (std::size_t asked = 1; asked < 3; ++asked)
      parties.server0.send(
          refusal(wire::decode<wire::Predict>(first.wait_for(asked).back().payload)->header.job, fault, 1));
    const auto here = first.wait_for(3);
    std::set<wire::QueryId> numbers;
    for (const auto& message : here) numbers.insert(wire::decode<wire::Predict>(message.payload)->header.job);
    CHECK(numbers.size() == 3);
    CHECK_FALSE(query.wait_for(std::chrono::milliseconds(0)));
    parties.server0.send(echo(here.back()));
    CHECK(eventually([&] {
      const auto there = second.wait_for(1).back();
      parties.server1.send(echo(there));
      return query.wait_for(std::chrono::milliseconds(1));
    }));
    REQUIRE(query.get());
    CHECK(query.get()->outputs == input);
    CHECK(client.connections_to(config::Role::server0) == 1);
  }
}

TEST_CASE("a failure that may come when the query has run is told at once, and so is one without a time") {
  const auto ask = [](FakeParty::Handler handler) {
    Parties parties(std::move(handler));
    client::Client client(parties.config());
    const auto answer = client.predict(identity(), input);
    REQUIRE_FALSE(answer);
    CHECK(parties.server0.received(Kind::predict) == 1);
    return answer.error().fault;
  };
  for (const auto fault : {Fault::violation, Fault::internal, Fault::peer_lost, Fault::stale_plan, Fault::timed_out})
    CHECK(ask([fault](const Message& message) -> std::vector<Message> {
            if (message.header.kind != Kind::predict) return {};
            return {refusal(wire::decode<wire::Predict>(message.payload)->header.job, fault, 1)};
          }) == fault);
  CHECK(ask([](const Message& message) -> std::vector<Message> {
          if (message.header.kind != Kind::predict) return {};
          return {refusal(wire::decode<wire::Predict>(message.payload)->header.job, Fault::not_serving)};
        }) == Fault::not_serving);
}

TEST_CASE("a query that stays refused ends with the servers' word: busy at its deadline, not_serving before") {
  // The last time to come back lies beyond the deadline: the query is in line then, and not on its way.
  const auto refuses = [](Fault fault, int soon) {
    return [fault, soon](const Message& message) mutable -> std::vector<Message> {
      if (message.header.kind != Kind::predict) return {};
      return {refusal(wire::decode<wire::Predict>(message.payload)->header.job, fault, soon-- > 0 ? 5 : 3'600'000)};
    };
  };
  // Server 1 waits for the other share.
  Kept kept;
  Parties busy(refuses(Fault::busy, 3), kept.handler()), stopped(refuses(Fault::not_serving, 1000), kept.handler());
  client::Client first(busy.config()), second(stopped.config());
  // The connections stand, so that what follows is as fast as it can be.
  CHECK_FALSE(first.predict(identity(), input, {.ask_again = false}));
  const auto at_deadline = first.predict(identity(), input, {.deadline = std::chrono::milliseconds(500)});
  REQUIRE_FALSE(at_deadline);
  CHECK(at_deadline.error().fault == Fault::busy);
  CHECK(busy.server0.received(Kind::predict) == 4);
  const auto before = second.predict(identity(), input, {.session_patience = std::chrono::milliseconds(20)});
  REQUIRE_FALSE(before);
  CHECK(before.error().fault == Fault::not_serving);
  CHECK(stopped.server0.received(Kind::predict) > 1);
}

TEST_CASE("more queries at once than a server takes are all answered, and few are asked in vain") {
  constexpr std::size_t places = 2, queries = 20;
  std::mutex mutex;
  std::vector<Message> taken;
  std::map<wire::QueryId, Message> at_server1;
  const auto server0 = [&](const Message& message) -> std::vector<Message> {
    if (message.header.kind != Kind::predict) return {};
    const std::scoped_lock lock(mutex);
    // A time that does not pass here: it is the answers that make room.
    if (taken.size() == places)
      return {refusal(wire::decode<wire::Predict>(message.payload)->header.job, Fault::busy, 3'600'000)};
    taken.push_back(message);
    return {};
  };
  const auto server1 = [&](const Message& message) -> std::vector<Message> {
    if (message.header.kind != Kind::predict) return {};
    const std::scoped_lock lock(mutex);
    at_server1.emplace(wire::decode<wire::Predict>(message.payload)->header.job, message);
    return {};
  };
  Parties parties(server0, server1);
  client::Client client(parties.config());
  const auto model = identity();
  std::vector<client::Query> all;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(queries); ++i)
    all.push_back(client.submit(model, std::vector<std::int64_t>{i, -i}));
  CHECK(eventually([&] { return parties.server0.received(Kind::predict) >= queries; }));
  for (std::size_t answered = 0; answered < queries; ++answered) {
    std::optional<Message> first, second;
    REQUIRE(eventually([&] {
      const std::scoped_lock lock(mutex);
      if (first) return true;
      if (taken.empty()) return false;
      const auto there = at_server1.find(wire::decode<wire::Predict>(taken.front().payload)->header.job);
      if (there == at_server1.end()) return false;
      first = taken.front();
      second = there->second;
      taken.erase(taken.begin());
      return true;
    }));
    parties.server0.send(echo(*first));
    parties.server1.send(echo(*second));
  }
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(queries); ++i) {
    const auto& answer = all[static_cast<std::size_t>(i)].get();
    if (!answer) FAIL(answer.error().what);
    CHECK(answer->outputs == std::vector<std::int64_t>{i, -i});
  }
  CHECK(parties.server0.received(Kind::predict) <= 2 * queries);
}

TEST_CASE("a query that waits to be asked again can be given up, and ends with its client") {
  Kept kept;
  Parties parties(
      [](const Message& message) -> std::vector<Message> {
        if (message.header.kind != Kind::predict) return {};
        return {refusal(wire::decode<wire::Predict>(message.payload)->header.job, Fault::busy, 3'600'000)};
      },
      kept.handler());
  std::optional<client::Client> client(parties.config());
  const auto first = client->submit(identity(), input), second = client->submit(identity(), input);
  CHECK(eventually([&] { return parties.server0.received(Kind::predict) > 0; }));
  first.cancel();
  REQUIRE_FALSE(first.get());
  CHECK(first.get().error().fault == Fault::refused);
  CHECK_FALSE(second.wait_for(std::chrono::milliseconds(0)));
  client.reset();
  REQUIRE_FALSE(second.get());
  CHECK(second.get().error().fault == Fault::refused);
}

TEST_CASE("a lost connection fails all that was on it, and the next query makes a new one") {
  Kept kept;
  Parties parties(kept.handler());
  client::Client client(parties.config());
  const auto model = identity();
  const auto first = client.submit(model, input), second = client.submit(model, input);
  kept.wait_for(2);
  parties.server0.drop_connections();
  for (const auto& query : {first, second}) {
    REQUIRE_FALSE(query.get());
    CHECK(query.get().error().fault == Fault::peer_lost);
    CHECK(contains(query.get().error().what, "server0"));
  }
  const auto third = client.submit(model, input);
  parties.server0.send(echo(kept.wait_for(3).back()));
  CHECK(third.get());
  CHECK(parties.server0.connections() == 2);
  CHECK(parties.server1.connections() == 1);
}

TEST_CASE("a party that is not there is named") {
  config::ClientConfig config;
  config.insecure_plaintext_links = true;
  {
    const Parties gone;
    config = gone.config();
  }
  client::Client client(config);
  const auto answer = client.predict(identity(), input);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::peer_lost);
  CHECK(client.status(config::Role::crypto_producer).error().fault == Fault::peer_lost);
}

TEST_CASE("another party at the address is told apart, as a fault of the configuration") {
  Parties parties;
  auto config = parties.config();
  std::swap(config.server0, config.server1);
  client::Client client(config);
  const auto answer = client.predict(identity(), input);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::usage);
}

TEST_CASE("a plaintext connection off the loopback interface is refused before any byte leaves") {
  config::ClientConfig config;
  config.insecure_plaintext_links = true;
  config.server0 = config.server1 = config.crypto_producer = {"192.0.2.1", 7100};
  client::Client client(config);
  const auto answer = client.predict(identity(), input);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::usage);
}

TEST_CASE("an answer that nobody asked for ends the connection as a violation") {
  Parties parties([](const Message& message) -> std::vector<Message> {
    if (message.header.kind != Kind::predict) return {};
    return {{wire::control_header(Kind::plan), {}}};
  });
  client::Client client(parties.config());
  const auto answer = client.predict(identity(), input);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::violation);
}

TEST_CASE("requests that are no queries wait for one another, beside queries") {
  Kept kept;
  Parties parties([&](const Message& message) -> std::vector<Message> {
    if (message.header.kind == Kind::status_request) {
      wire::PartyStatus status;
      status.version = "7";
      return {{wire::control_header(Kind::status), wire::encode(status)}};
    }
    return kept.handler()(message);
  });
  client::Client client(parties.config());
  const auto query = client.submit(identity(), input);
  kept.wait_for(1);
  std::vector<std::thread> askers;
  askers.reserve(8);
  for (int i = 0; i < 8; ++i) askers.emplace_back([&] { CHECK(client.status(config::Role::server0)->version == "7"); });
  for (auto& asker : askers) asker.join();
  parties.server0.send(echo(kept.wait_for(1).front()));
  CHECK(query.get());
}

TEST_CASE("a client that is closed ends its queries, whoever still holds them") {
  Kept kept;
  Parties parties(kept.handler());
  auto client = std::make_unique<client::Client>(parties.config());
  const auto query = client->submit(identity(), input);
  kept.wait_for(1);
  client.reset();
  REQUIRE_FALSE(query.get());
  CHECK(query.get().error().fault == Fault::refused);
  query.cancel();
}

TEST_CASE("an input of another size fails before anything is sent") {
  Parties parties;
  client::Client client(parties.config());
  const auto answer = client.predict(identity(), std::vector<std::int64_t>{1});
  REQUIRE_FALSE(answer);
  CHECK(parties.server0.connections() == 0);
}

TEST_CASE("halves of two attempts are no answer") {
  const auto with_attempt = [](std::uint8_t attempt) {
    return [attempt](const Message& message) -> std::vector<Message> {
      if (message.header.kind != Kind::predict) return {};
      const auto asked = wire::decode<wire::Predict>(message.payload);
      return {{wire::control_header(Kind::predicted),
               wire::encode(wire::Predicted{asked->header.job, {attempt}, asked->input_share, {}})}};
    };
  };
  {
    Parties same(with_attempt(1), with_attempt(1));
    CHECK(client::Client(same.config()).predict(identity(), input));
  }
  Parties mixed(with_attempt(1), with_attempt(2));
  const auto answer = client::Client(mixed.config()).predict(identity(), input);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::violation);
}

TEST_CASE("both halves have the same header, each for its server, and no two queries the same nonce") {
  Kept first, second;
  Parties parties(first.handler(), second.handler());
  client::Client client(parties.config());
  const auto one = client.submit(identity(), input), two = client.submit(identity(), input);
  std::set<std::array<std::uint8_t, 32>> nonces;
  const auto at_first = first.wait_for(2), at_second = second.wait_for(2);
  for (const std::size_t i : {0u, 1u}) {
    const auto a = wire::decode<wire::Predict>(at_first[i].payload),
               b = wire::decode<wire::Predict>(at_second[i].payload);
    CHECK(a->header == b->header);
    CHECK(a->server == protocol::PartyId::server0);
    CHECK(b->server == protocol::PartyId::server1);
    CHECK(a->header.not_after_ms > 0);
    nonces.insert(a->header.nonce);
  }
  CHECK(nonces.size() == 2);
  one.cancel();
  two.cancel();
}
