#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/apps/support/links.h"
#include "tests/apps/support/three_processes.h"
#include "tests/support/text.h"

using namespace blindsight::tests;
namespace fs = std::filesystem;

TEST_CASE("a port in use is named, for the party and for its metrics") {
  ThreeProcesses first;
  first.start(0);
  const auto told = nlohmann::json::parse(first.party(0).wait_until_ready());
  CHECK(told.at("role") == "server0");
  CHECK(told.at("clients") == "127.0.0.1:" + std::to_string(first.client_port(0)));
  CHECK(told.at("parties") == "127.0.0.1:" + std::to_string(first.port(0)));
  const auto taken_port = std::to_string(first.port(0));
  const ThreeProcesses second;
  replace_in(second.config(1), std::to_string(second.port(1)), taken_port);
  Program unlucky({"party", "--config", second.config(1).string(), "--ready-fd", "3"}, second.folder() / "out",
                  second.folder() / "err");
  CHECK(unlucky.wait_until_ready().empty());
  const auto taken = run({"party", "--config", second.config(1).string()});
  CHECK(taken.status == 2);
  CHECK(contains(taken.err, taken_port));

  write_text(second.config(2),
             read_text(second.config(2)) + "\n[metrics]\nlisten = \"127.0.0.1:" + taken_port + "\"\n");
  const auto metrics = run({"party", "--config", second.config(2).string()});
  CHECK(metrics.status == 2);
  CHECK(contains(metrics.err, taken_port));
  CHECK(contains(metrics.err, "metrics.listen"));
}

TEST_CASE("plain links do not leave the loopback interface") {
  const ThreeProcesses parties("insecure_plaintext_links = true\n");
  replace_in(parties.config(0), "127.0.0.1", "0.0.0.0");
  const auto outcome = run({"party", "--config", parties.config(0).string()});
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "insecure_plaintext_links"));
}

TEST_CASE("two parties with the same role are told so, and the first keeps running") {
  ThreeProcesses parties;
  // A second server 1 at the crypto producer's place: server 0 hears from two of them.
  auto text = read_text(parties.config(1));
  const auto second = parties.folder() / "second.toml";
  for (const auto port : {parties.port(1), parties.client_port(1)})
    text.replace(text.find("127.0.0.1:" + std::to_string(port)), 15,
                 "127.0.0.1:" + std::to_string(free_ports(1).front()));
  text.replace(text.find("server1\"\n", text.find("data_dir")), 9, "second\"\n");
  write_text(second, text);
  parties.start(0);
  parties.start(1);
  REQUIRE_FALSE(parties.party(1).wait_until_ready().empty());
  Program other({"party", "--config", second.string()}, parties.folder() / "second.out",
                parties.folder() / "second.log");
  bool said = false;
  for (int i = 0; i < 300 && !said; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    said = contains(parties.log(0) + parties.log(1) + read_text(parties.folder() / "second.log"), "same role");
  }
  CHECK(said);
  CHECK(parties.party(0).running());
}

TEST_CASE("a peer that is not there: the party keeps trying and says so, the client names it") {
  ThreeProcesses parties;
  parties.start(1);
  CHECK(log_says(parties, 1, "keeps trying"));
  CHECK(parties.party(1).running());
  const auto outcome = parties.predict({(zoo / "mnist-100.idx3-ubyte").string()});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "server0"));

  // In whatever order: when the others come, all is well.
  parties.start(2);
  parties.start(0);
  parties.deploy_digits();
  CHECK(parties.predict({(zoo / "mnist-100.idx3-ubyte").string()}).status == 0);
}
