#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "tests/apps/support/links.h"
#include "tests/support/keys.h"

// Who may be what. Once one malicious server that started an unmodified second party as the crypto producer read every
// image and every weight, alone, and no log said so.

using namespace blindsight;
using namespace blindsight::tests;
using protocol::PartyId;

namespace {

constexpr std::array roles = {PartyId::server0, PartyId::server1, PartyId::producer, PartyId::client};

/// A listener of a party, and whose keys belong there as which role: by the names of key files.
struct Place {
  std::string name;
  std::size_t party;
  std::uint16_t port;
  std::vector<std::pair<std::string, PartyId>> right;
};

std::vector<Place> places_of(const ThreeProcesses& parties, std::size_t party) {
  std::vector<Place> places;
  const std::string own = ThreeProcesses::names[party];
  places.push_back({"listen.clients of " + own,
                    party,
                    parties.client_port(party),
                    {{"client", PartyId::client}, {own, PartyId::client}}});
  if (party == 2) return places;
  places.push_back({"listen.parties of " + own, party, parties.port(party), {{"crypto_producer", PartyId::producer}}});
  if (party == 0) places.back().right.emplace_back("server1", PartyId::server1);
  return places;
}

/// Everybody claims to be everything, at all listeners of a party. `in_session`: the peers that belong there are
/// connected already, and a second one of them is refused, too.
void claim_everything(const ThreeProcesses& parties, std::size_t party, bool in_session) {
  for (const auto& place : places_of(parties, party))
    for (const std::string key : {"server0", "server1", "crypto_producer", "client", "stranger"}) {
      const bool belongs = std::ranges::any_of(place.right, [&](const auto& one) { return one.first == key; });
      for (const auto claim : roles) {
        CAPTURE(place.name);
        CAPTURE(key);
        CAPTURE(protocol::name(claim));
        const auto answer = say_hello(parties, parties.folder() / (key + ".key"), static_cast<PartyId>(party),
                                      place.port, hello_of(claim));
        const bool right = std::ranges::find(place.right, std::pair(key, claim)) != place.right.end();
        if (right && (claim == PartyId::client || !in_session)) {
          CHECK(answer.greeted());
        } else {
          CHECK_FALSE(answer.greeted());
          REQUIRE(answer.error);
          if (belongs)
            CHECK(answer.kind == wire::Kind::refuse);
          else
            CHECK(answer.key_refused());
        }
      }
    }
}

}  // namespace

TEST_CASE("whatever a Hello says, a key is greeted in its own place as what it is, and nowhere else") {
  ThreeProcesses parties("limits.handshakes_per_second = 10000\n");
  new_key(parties.folder() / "stranger.key");
  // Each alone, where nobody else has a place yet.
  for (std::size_t i = 0; i < 3; ++i) {
    parties.start(i);
    REQUIRE(eventually([&] { return status_of(parties, i).has_value(); }));
    claim_everything(parties, i, false);
    parties.kill(i, SIGKILL);
  }
  parties.start_all();
  const SmallModel model(parties);
  model.deploy_until_ok();
  REQUIRE(serving(parties));
  const auto sessions = sessions_of_all(parties);
  for (std::size_t i = 0; i < 3; ++i) claim_everything(parties, i, true);
  // The three were not disturbed.
  CHECK(model.is_answered());
  for (std::size_t i = 0; i < 3; ++i) CHECK(status_of(parties, i)->serving);
  CHECK(sessions_of_all(parties) == sessions);
}

TEST_CASE("a malicious server that starts an unmodified second party as crypto producer gets no session") {
  ThreeProcesses parties;
  const auto folder = parties.folder().path();
  const auto fake = folder / "fake.toml", fake_log = folder / "fake.log";
  const auto key_file = [&](const std::string& name) { return folder / (name + ".key"); };
  new_key(key_file("stranger"));
  const auto honest = read_text(parties.config(2));
  // In the producer's place, with another key. A file in which that key stands for a server, too, would be refused: the
  // second party knows that server by another.
  const auto start_fake = [&](const std::string& key) {
    write_text(fake, honest);
    replace_in(fake, key_file("crypto_producer").string(), key_file(key).string());
    replace_in(fake, std::to_string(parties.client_port(2)), std::to_string(free_ports(1).front()));
    replace_in(fake, "data_dir = \"" + (folder / "crypto_producer").string(),
               "data_dir = \"" + (folder / "fake").string());
    if (key != "stranger") replace_in(fake, quoted_pin(key_file(key)), quoted_pin(key_file("stranger")));
    write_text(fake_log, "");
    return Program({"party", "--config", fake.string()}, folder / "fake.out", fake_log);
  };
  const auto refused_by = [&](const std::string& peer) {
    return eventually([&] { return read_text(fake_log).find("no link to " + peer) != std::string::npos; });
  };
  const auto no_session = [&] {
    for (const std::size_t server : {0, 1}) {
      const auto status = status_of(parties, server);
      REQUIRE(status);
      CHECK_FALSE(status->in_session);
      CHECK_FALSE(status->serving);
    }
  };
  parties.start(0);
  parties.start(1);
  REQUIRE(eventually([&] { return status_of(parties, 0) && status_of(parties, 1); }));
  SUBCASE("by the key of server 0") {
    auto program = start_fake("server0");
    CHECK(refused_by("server0"));
    CHECK(refused_by("server1"));
    CHECK(program.running());
    CHECK(log_says(parties, 1, "the key of server0, which is not for listen.parties of server1"));
    no_session();
  }
  SUBCASE("by the key of server 1") {
    auto program = start_fake("server1");
    CHECK(refused_by("server0"));
    CHECK(refused_by("server1"));
    CHECK(program.running());
    CHECK(log_says(parties, 0, "it has the key of server1 and says that it is crypto producer"));
    no_session();
  }
  SUBCASE("by a new key, which his own server 0 takes for the producer's") {
    parties.kill(0, SIGTERM);
    const auto honest_server0 = read_text(parties.config(0));
    replace_in(parties.config(0), quoted_pin(key_file("crypto_producer")), quoted_pin(key_file("stranger")));
    parties.start(0);
    auto program = start_fake("stranger");
    CHECK(refused_by("server1"));
    // As far as he can come: his server has them both.
    CHECK(eventually([&] {
      const auto status = status_of(parties, 0);
      return status && status->session.find("not connected") == std::string::npos;
    }));
    CHECK(log_says(parties, 1, "none of those pinned here for listen.parties of server1"));
    no_session();
    program.kill(SIGTERM);
    program.wait();
    parties.kill(0, SIGTERM);
    write_text(parties.config(0), honest_server0);
    parties.start(0);
  }
  // With the real one the three serve.
  parties.start(2);
  CHECK(eventually([&] {
    const auto status = status_of(parties, 1);
    return status && status->in_session;
  }));
}
