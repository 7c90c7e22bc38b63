#include <doctest/doctest.h>

#include <csignal>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "tests/apps/support/three_processes.h"

using namespace blindsight::tests;
using std::chrono::milliseconds;

namespace {

const std::string debug_log = "\n[log]\nlevel = \"debug\"\n";
const std::string digits = (zoo / "mnist-100.idx3-ubyte").string();

/// A pack, by the session that dealt it.
using PackName = std::pair<std::string, std::uint64_t>;

/// How often the server's log says that it gave a pack to a query, over all the processes that wrote it.
std::map<PackName, int> packs_used(const ThreeProcesses& parties, std::size_t server) {
  static const std::regex used(R"(pack (\d+) of session ([0-9a-f]{16}) goes to a query)");
  std::map<PackName, int> all;
  std::istringstream in(parties.log(server));
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_search(line, match, used)) ++all[{match[2], std::stoull(match[1])}];
  }
  return all;
}

/// Whoever was killed in the middle of a query: the client hears of it by name and not by waiting in vain, the others
/// stay, and the next query works when it is back.
void kill_in_the_middle(std::size_t victim, const std::string& named) {
  ThreeProcesses parties("", debug_log);
  parties.start_all();
  parties.deploy_digits();
  const auto out = parties.folder() / "out", err = parties.folder() / "err";
  // A hundred queries take about a second: somewhere in the middle of them.
  Program client({"predict", digits, digits, digits, "--json", "--config", parties.client_config().string()}, out, err);
  for (int i = 0; i < 600 && read_text(out).size() < 2000; ++i) std::this_thread::sleep_for(milliseconds(10));
  REQUIRE(client.running());
  const auto lines_before = [&] {
    const auto text = read_text(out);
    return std::count(text.begin(), text.end(), '\n');
  };
  parties.kill(victim, SIGKILL);
  for (int i = 0; i < 3000 && read_text(err).empty() && client.running(); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  const auto said = read_text(err);
  INFO("the client said: " << said);
  CHECK(said.find(named) != std::string::npos);
  CHECK(said.find("query.timeout_ms") == std::string::npos);
  CHECK(lines_before() < 300);
  client.kill(SIGKILL);
  client.wait();
  for (std::size_t i = 0; i < 3; ++i)
    if (i != victim) CHECK(parties.party(i).running());
  parties.start(victim);
  const auto next = parties.predict_until_ok({digits, "--json"});
  INFO(next.err);
  CHECK(next.status == 0);
  for (const std::size_t server : {std::size_t{0}, std::size_t{1}}) {
    const auto used = packs_used(parties, server);
    CHECK(used.size() > 100);
    for (const auto& [pack, times] : used) CHECK(times == 1);
  }
}

}  // namespace

TEST_CASE("server 0 is killed in the middle of a query") {
  kill_in_the_middle(0, "server0");
}
TEST_CASE("server 1 is killed in the middle of a query") {
  kill_in_the_middle(1, "server1");
}
TEST_CASE("the crypto producer is killed in the middle of a query") {
  kill_in_the_middle(2, "producer");
}

TEST_CASE("no pack is used twice, whoever is killed at whatever moment") {
  // Deep stock, so that packs lie ready whenever the knife falls.
  ThreeProcesses parties("", debug_log + "[preprocessing]\ndepth = 4\n");
  parties.start_all();
  parties.deploy_digits();
  const unsigned seed = 20251125;
  INFO("seed " << seed);
  std::minstd_rand random(seed);
  std::size_t client_number = 0, answers = 0;
  std::vector<std::filesystem::path> outs;
  unsigned kills = 0;
  for (int round = 0; round < 20; ++round) {
    // Two clients at a time, each with a hundred queries, until one or two parties die somewhere among them.
    std::vector<Program> clients;
    for (int i = 0; i < 2; ++i) {
      const auto name = "client" + std::to_string(client_number++);
      outs.push_back(parties.folder() / (name + ".out"));
      clients.emplace_back(
          std::vector<std::string>{"predict", digits, "--json", "--config", parties.client_config().string()},
          outs.back(), parties.folder() / (name + ".err"));
    }
    std::this_thread::sleep_for(milliseconds(random() % 600));
    const std::size_t victim = random() % 3;
    const bool second = random() % 4 == 0;
    parties.kill(victim, SIGKILL);
    ++kills;
    if (second) {
      std::this_thread::sleep_for(milliseconds(random() % 50));
      parties.kill((victim + 1) % 3, SIGKILL);
      ++kills;
    }
    std::this_thread::sleep_for(milliseconds(random() % 100));
    for (auto& client : clients) {
      client.kill(SIGKILL);
      client.wait();
    }
    parties.start(victim);
    if (second) parties.start((victim + 1) % 3);
    // Mostly let them find each other; sometimes strike while they do.
    if (random() % 4 != 0) {
      const auto image = parties.folder() / "one.idx3-ubyte";
      if (!std::filesystem::exists(image)) {
        // The first digit alone: a header that says one image of 28×28, then its pixels.
        auto bytes = read_text(digits).substr(0, 16 + 28 * 28);
        bytes[7] = 1;
        write_text(image, bytes);
      }
      const auto outcome = parties.predict_until_ok({image.string(), "--json"});
      INFO(outcome.err);
      CHECK(outcome.status == 0);
      answers += outcome.status == 0;
    }
  }
  for (const auto& out : outs) {
    const auto text = read_text(out);
    answers += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  const auto first = packs_used(parties, 0), second = packs_used(parties, 1);
  std::size_t at_both = 0;
  std::set<std::string> sessions;
  for (const auto* used : {&first, &second})
    for (const auto& [pack, times] : *used) {
      CAPTURE(pack.first);
      CAPTURE(pack.second);
      CHECK(times == 1);
      sessions.insert(pack.first);
    }
  for (const auto& [pack, times] : first) at_both += second.contains(pack);
  MESSAGE(kills << " kills, " << sessions.size() << " sessions with queries, " << first.size() << " and "
                << second.size() << " packs used, " << at_both << " at both servers, " << answers << " answers");
  // Each answer used a pack of its own, the same at both servers.
  CHECK(at_both >= answers);
  // Server 1 uses only what server 0 chose; a kill can keep the news from arriving.
  for (const auto& [pack, times] : second) CHECK(first.contains(pack));
  CHECK(kills >= 20);
  CHECK(sessions.size() >= 5);
  CHECK(at_both > 20);
}
