#include <doctest/doctest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <random>
#include <set>
#include <thread>

#include "tests/actors/support/three_parties.h"

using namespace blindsight;
using namespace blindsight::test;

namespace {

constexpr const char* child_name = "child: a party of the fake protocol in a process of its own";

/// A party in a child process that can be killed like one on a machine of its own.
class Child {
 public:
  Child(std::size_t role, const Neighbourhood& n) {
    std::vector<std::string> environment;
    for (char** e = environ; *e != nullptr; ++e) environment.emplace_back(*e);
    environment.push_back("BLINDSIGHT_TEST_ROLE=" + std::to_string(role));
    environment.push_back("BLINDSIGHT_TEST_PROTOCOL=" + n.parties[role].protocol);
    environment.push_back("BLINDSIGHT_TEST_FOLDER=" + n.parties[role].data_dir.string());
    environment.push_back("BLINDSIGHT_TEST_LEDGER=" + (n.folder.path() / "ledger").string());
    for (std::size_t i = 0; i < 3; ++i)
      environment.push_back("BLINDSIGHT_TEST_PORT" + std::to_string(i) + "=" +
                            std::to_string(n.parties[i].listen.port));
    std::vector<char*> env;
    for (auto& e : environment) env.push_back(e.data());
    env.push_back(nullptr);
    std::string self = "/proc/self/exe", test = std::string("--test-case=") + child_name, skip = "--no-skip",
                quiet = "--out=/dev/null";
    char* arguments[] = {self.data(), test.data(), skip.data(), quiet.data(), nullptr};
    REQUIRE(::posix_spawn(&pid_, self.c_str(), nullptr, nullptr, arguments, env.data()) == 0);
  }
  ~Child() { kill(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

// Run by the test below in processes of their own.
TEST_CASE("child: a party of the fake protocol in a process of its own" * doctest::skip()) {
  const char* role_text = std::getenv("BLINDSIGHT_TEST_ROLE");
  REQUIRE(role_text != nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  quiet_log();
  const auto role = static_cast<std::size_t>(std::atoi(role_text));
  const auto& protocol =
      std::getenv("BLINDSIGHT_TEST_PROTOCOL") == fake_helped_protocol.name ? fake_helped_protocol : fake_protocol;
  Neighbourhood n(protocol.name);
  auto& config = n.parties[role];
  std::array<config::Address, 3> addresses;
  for (std::size_t i = 0; i < 3; ++i)
    addresses[i] = {"127.0.0.1", static_cast<std::uint16_t>(
                                     std::atoi(std::getenv(("BLINDSIGHT_TEST_PORT" + std::to_string(i)).c_str())))};
  config.listen = addresses[role];
  if (role != 0) config.peers.server0 = addresses[0];
  if (role != 1) config.peers.server1 = addresses[1];
  if (role != 2) config.peers.crypto_producer = addresses[2];
  config.data_dir = std::getenv("BLINDSIGHT_TEST_FOLDER");
  auto registry = monitoring::Registry::null();
  auto party = actors::Party::start(config, protocol, registry);
  REQUIRE(party);
  (*party)->wait();
}

TEST_CASE("no mask is used twice and no party is lost for good over kill -9 at random moments") {
  constexpr std::uint32_t seed = 20260, constant = 13;
  CAPTURE(seed);
  std::mt19937 rng(seed);
  const protocol::Protocol* protocol = &fake_protocol;
  std::size_t parties_online = 2;
  SUBCASE("with a producer that deals ahead") {}
  SUBCASE("with a producer that helps online") {
    protocol = &fake_helped_protocol;
    parties_online = 3;
  }
  Neighbourhood n(protocol->name);
  std::array<std::unique_ptr<Child>, 3> children;
  for (std::size_t i = 0; i < 3; ++i) children[i] = std::make_unique<Child>(i, n);
  client::Client client(n.client);
  // The children need a moment to listen.
  protocol::Result<void> deployed = protocol::fail("never tried");
  for (int i = 0; i < 400 && !deployed; ++i) {
    deployed = deploy_fake(client, constant);
    if (!deployed) std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  if (!deployed) FAIL(deployed.error().what);
  const auto serving = [&] {
    auto ok = client.wait_until_serving(fake_plan(constant), std::chrono::seconds(30));
    if (!ok) FAIL(ok.error().what);
  };
  serving();

  std::size_t failed = 0;
  for (int round = 0; round < 8; ++round) {
    std::vector<std::future<protocol::Result<wire::QueryReport>>> answers;
    for (std::uint32_t q = 0; q < 3; ++q)
      answers.push_back(std::async(std::launch::async, [&n, q] {
        client::Client own(n.client);
        return query_fake(own, constant, q);
      }));
    // The moment of the kill is what this test is about; whatever it hits must come out right.
    std::this_thread::sleep_for(std::chrono::microseconds(rng() % 6000));
    const auto victim = rng() % 3;
    children[victim]->kill();
    for (auto& a : answers) {
      const auto report = a.get();
      if (report) continue;
      ++failed;
      CAPTURE(report.error().what);
      CHECK(report.error().what != "the answer is wrong");
      const bool names_a_party = report.error().what.find("server") != std::string::npos ||
                                 report.error().what.find("crypto producer") != std::string::npos;
      CHECK(names_a_party);
    }
    children[victim] = std::make_unique<Child>(victim, n);
    serving();
    const auto next = query_fake(client, constant, 77);
    if (!next) FAIL(next.error().what);
  }
  CHECK(failed > 0);
  const auto lines = lines_of(n.folder.path() / "ledger");
  // At least the query after each kill, 14 bands a party.
  CHECK(lines.size() >= 8 * parties_online * 14);
  const std::set<std::string> once(lines.begin(), lines.end());
  CHECK(once.size() == lines.size());
}
