#include <doctest/doctest.h>

#include <csignal>

#include "client/client.h"
#include "protocol/core/choice.h"
#include "tests/apps/support/links.h"
#include "tests/apps/support/small_models.h"
#include "tests/support/sanitized.h"
#include "tests/support/text.h"

// A process that is stopped keeps its connections: its kernel answers for it. Once nobody noticed, and clients waited
// for two minutes without being told for whom.

using namespace blindsight;
using namespace blindsight::tests;
using protocol::Fault;

namespace {

/// A machine under load may let a party wait for so long.
const std::string silence_ms = sanitized ? "10000" : "1000";

/// With a party stopped: the query under way ends with its name, others are told the name, and all is well when it goes
/// on. `named`: as errors name it.
void stop_and_go_on(std::size_t victim, const std::string& named) {
  ThreeProcesses parties("link.ping_interval_ms = 50\nlink.silence_ms = " + silence_ms + "\n");
  parties.start_all();
  SmallModel(parties).deploy_until_ok();
  REQUIRE(serving(parties));
  client::Client client(*config::load_client(parties.client_config()));
  const auto plan = client.deployed_plan();
  REQUIRE(plan);
  const auto model = client::Model::make(protocol::choice_of("blink").value(), *plan);
  REQUIRE(model);
  const std::vector<std::int64_t> image(small_side * small_side, 1);
  // The deadline is for a release that does not notice: far beyond the time that this one may take.
  const auto query = [&] {
    return client.predict(*model, image, {.deadline = std::chrono::seconds(60), .ask_again = false});
  };
  // Before anybody is stopped the client is connected to both.
  REQUIRE(eventually([&] { return query().has_value(); }));

  parties.party(victim).kill(SIGSTOP);
  // A producer is missed when its packs are used up.
  std::optional<protocol::Error> failed;
  for (int i = 0; i < 1000 && !failed; ++i)
    if (const auto answer = query(); !answer) failed = answer.error();
  REQUIRE(failed);
  CAPTURE(failed->what);
  CHECK(failed->fault == Fault::peer_lost);
  // By a party, or by the client itself when the other server had done its part already.
  CHECK(contains(failed->what, named));
  CHECK(contains(failed->what, "has not answered "));
  const auto next = query();
  REQUIRE_FALSE(next);
  CAPTURE(next.error().what);
  CHECK(next.error().fault == Fault::not_serving);
  CHECK(next.error().retry_after_ms);
  CHECK(contains(next.error().what, named + " has not answered "));
  // The two others find each other again, and miss it alone.
  CHECK(eventually([&] {
    const auto answer = query();
    return !answer && answer.error().fault == Fault::not_serving &&
           (contains(answer.error().what, "not connected: " + named + ";") ||
            contains(answer.error().what, "not connected: " + named + " ("));
  }));

  parties.party(victim).kill(SIGCONT);
  CHECK(eventually([&] { return query().has_value(); }));
  for (std::size_t i = 0; i < 3; ++i) CHECK(parties.party(i).running());
  // It was told by the others why the session is over, and accuses nobody itself.
  CHECK(log_says(parties, victim, named + " has not answered "));
  for (const std::string other : {"server0", "server1", "crypto producer"})
    if (other != named) CHECK_FALSE(contains(parties.log(victim), other + " has not answered "));
}

}  // namespace

TEST_CASE("server 0 is stopped and goes on") {
  stop_and_go_on(0, "server0");
}
TEST_CASE("server 1 is stopped and goes on") {
  stop_and_go_on(1, "server1");
}
TEST_CASE("the crypto producer is stopped and goes on") {
  stop_and_go_on(2, "crypto producer");
}
