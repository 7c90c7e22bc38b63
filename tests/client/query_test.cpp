#include "client/query.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "client/client.h"
#include "tests/client/support/parties.h"

using namespace blindsight;
using namespace blindsight::tests;
using namespace std::chrono_literals;
using protocol::Fault;

namespace {

const std::vector<std::int64_t> input{3, -4};

}  // namespace

TEST_CASE("a model has the digest by which the servers know its plan") {
  const auto model = identity();
  CHECK(model->digest() == model::digest(identity_plan()));
  CHECK(model->plan().model_name == "identity");
  CHECK(model->bound().clients != nullptr);
}

TEST_CASE("a plan that the protocol cannot evaluate makes no model") {
  auto plan = identity_plan();
  plan.network.layers[0].relu = true;
  const auto model = client::Model::make(*protocol::choice_of("pond"), plan);
  REQUIRE_FALSE(model);
  CHECK(model.error().fault == Fault::usage);
}

TEST_CASE("a query has no result before there is one, its copies are the same query") {
  Kept kept;
  Parties parties(kept.handler());
  client::Client client(parties.config());
  const auto query = client.submit(identity(), input);
  const auto copy = query;
  const auto messages = kept.wait_for(1);
  CHECK_FALSE(query.wait_for(0ms));
  CHECK_FALSE(copy.wait_for(1ms));
  parties.server0.send(echo(messages.front()));
  REQUIRE(query.get());
  CHECK(copy.wait_for(0ms));
  CHECK(&copy.get() == &query.get());
}

TEST_CASE("a callback gets the result once, and a query that has it cannot be given up") {
  Parties parties;
  client::Client client(parties.config());
  std::atomic<int> called = 0;
  const auto query = client.submit(identity(), input, {}, [&](const protocol::Result<client::Answer>& answer) {
    CHECK(answer.has_value());
    ++called;
  });
  CHECK(query.get());
  CHECK(query.wait_for(0ms));
  CHECK(called == 1);
  query.cancel();
  REQUIRE(client.predict(identity(), input));
  CHECK(called == 1);
  CHECK(query.get());
  CHECK(parties.server0.received(wire::Kind::cancel) == 0);
}

TEST_CASE("nobody sees a result before the callbacks have returned") {
  Parties parties;
  client::Client client(parties.config());
  std::promise<void> entered, leave;
  std::atomic<bool> left = false;
  const auto query = client.submit(identity(), input, {}, [&](const protocol::Result<client::Answer>&) {
    entered.set_value();
    leave.get_future().get();
    left = true;
  });
  entered.get_future().get();
  CHECK_FALSE(query.wait_for(1ms));
  auto waiter = std::async(std::launch::async, [&] {
    (void)query.get();
    return left.load();
  });
  CHECK(waiter.wait_for(5ms) == std::future_status::timeout);
  leave.set_value();
  CHECK(waiter.get());
}

TEST_CASE("a query that is given up tells its callbacks so") {
  Kept kept;
  Parties parties(kept.handler());
  client::Client client(parties.config());
  std::vector<client::QueryState> states;
  std::atomic<Fault> fault = Fault::internal;
  const auto query =
      client.submit(identity(), input, {.progress = [&](client::QueryState state) { states.push_back(state); }},
                    [&](const protocol::Result<client::Answer>& answer) { fault = answer.error().fault; });
  kept.wait_for(1);
  query.cancel();
  query.cancel();
  REQUIRE_FALSE(query.get());
  CHECK(query.get().error().fault == Fault::refused);
  CHECK(fault == Fault::refused);
  CHECK(states == std::vector{client::QueryState::sharing, client::QueryState::computing, client::QueryState::done});
}

TEST_CASE("a query that nobody holds goes on") {
  Kept kept;
  Parties parties(kept.handler());
  client::Client client(parties.config());
  std::promise<std::vector<std::int64_t>> outputs;
  (void)client.submit(identity(), input, {}, [&](const protocol::Result<client::Answer>& answer) {
    outputs.set_value(answer ? answer->outputs : std::vector<std::int64_t>{});
  });
  parties.server0.send(echo(kept.wait_for(1).front()));
  CHECK(outputs.get_future().get() == input);
}

TEST_CASE("the callbacks of a query that cannot be asked run on the client's thread like any other's") {
  Parties parties;
  client::Client client(parties.config());
  std::atomic<std::thread::id> ran_on;
  const auto query =
      client.submit(identity(), std::vector<std::int64_t>(5), {},
                    [&](const protocol::Result<client::Answer>&) { ran_on = std::this_thread::get_id(); });
  REQUIRE_FALSE(query.get());
  CHECK(query.get().error().fault != Fault::refused);
  CHECK(ran_on.load() != std::thread::id());
  CHECK(ran_on.load() != std::this_thread::get_id());
}

TEST_CASE("a callback that holds its query is let go with the result") {
  Parties parties;
  client::Client client(parties.config());
  const auto token = std::make_shared<std::optional<client::Query>>();
  *token = client.submit(identity(), input, {.progress = [token](client::QueryState) {}},
                         [token](const protocol::Result<client::Answer>&) {});
  REQUIRE((*token)->get());
  CHECK(token.use_count() == 1);
}

TEST_CASE("a callback may ask on, and is told that it cannot wait for an answer") {
  Parties parties;
  client::Client client(parties.config());
  std::vector<Fault> faults;
  std::promise<client::Query> next;
  const auto query = client.submit(identity(), input, {}, [&](const protocol::Result<client::Answer>&) {
    faults = {client.status(config::Role::server0).error().fault, client.deployed_plan().error().fault,
              client.predict(identity(), input).error().fault};
    next.set_value(client.submit(identity(), input));
  });
  REQUIRE(query.get());
  CHECK(faults == std::vector(3, Fault::usage));
  CHECK(next.get_future().get().get());
}
