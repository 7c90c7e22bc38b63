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

/// A party's configuration as a file that a process of its own reads.
std::filesystem::path written(const Neighbourhood& n, std::size_t role) {
  const auto& c = n.parties[role];
  const auto quoted = [](const std::string& text) { return '"' + text + '"'; };
  const auto file = n.folder.path() / (std::string(config::name(c.role)) + ".toml");
  std::ofstream out(file);
  out << "role = " << quoted(std::string(config::name(c.role))) << "\nprotocol = " << quoted(c.protocol)
      << "\nlisten.clients = " << quoted(config::to_string(c.listen.clients))
      << "\ndata_dir = " << quoted(c.data_dir.string()) << "\nkey = " << quoted(c.key.string())
      << "\nlink = { reconnect_min_ms = " << c.link.reconnect_min_ms
      << ", reconnect_max_ms = " << c.link.reconnect_max_ms
      << " }\nthreads = { online = 1, preprocessing = 1, actors = 2 }"
      << "\nquery.timeout_ms = " << c.query.timeout_ms << '\n';
  if (c.listen.parties) out << "listen.parties = " << quoted(config::to_string(*c.listen.parties)) << '\n';
  for (const auto role_of_peer : {config::Role::server0, config::Role::server1, config::Role::crypto_producer}) {
    const std::string name(config::name(role_of_peer));
    if (const auto address = c.peers.of(role_of_peer))
      out << "peers." << name << " = " << quoted(config::to_string(*address)) << '\n';
    for (const auto& pin : c.pins.of(role_of_peer))
      out << "pins." << name << " = " << quoted(config::pin_text(pin)) << '\n';
  }
  for (const auto& client : c.clients)
    out << "[clients." << client.name << "]\npins = " << quoted(config::pin_text(client.pins.at(0)))
        << "\npredict = true\ndeploy = \"*\"\n";
  return file;
}

/// A party in a child process that can be killed like one on a machine of its own.
class Child {
 public:
  Child(std::size_t role, const Neighbourhood& n) {
    std::vector<std::string> environment;
    for (char** e = environ; *e != nullptr; ++e) environment.emplace_back(*e);
    environment.push_back("BLINDSIGHT_TEST_LEDGER=" + (n.folder.path() / "ledger").string());
    environment.push_back("BLINDSIGHT_TEST_CONFIG=" + written(n, role).string());
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
  REQUIRE(std::getenv("BLINDSIGHT_TEST_CONFIG") != nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  quiet_log();
  const auto config = config::load_party(std::getenv("BLINDSIGHT_TEST_CONFIG"));
  REQUIRE(config);
  const auto& protocol = config->protocol == fake_helped_protocol.name ? fake_helped_protocol : fake_protocol;
  auto registry = monitoring::Registry::null();
  auto party = actors::Party::start(*config, protocol, registry);
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
      // As which a wrong answer would be told, and a party that is killed is not.
      CHECK(report.error().fault != protocol::Fault::internal);
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
