#include <doctest/doctest.h>

#include <thread>

#include "tests/apps/support/links.h"
#include "tests/apps/support/three_processes.h"
#include "tests/support/text.h"

using namespace blindsight::tests;
namespace fs = std::filesystem;

TEST_CASE("a client takes the servers' protocol, but never one that hides nothing, nor another than it was told") {
  ThreeProcesses parties("protocol = \"plaintext\"\n");
  parties.start_all();
  const auto plan = compile_digits(parties.folder().path());
  const auto config = parties.client_config().string();
  const auto deploy = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"model", "deploy", plan.string(), "--config", config};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  Outcome outcome;
  for (int i = 0; i < 100 && outcome.status != 2; ++i) {
    outcome = deploy({});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "'plaintext'"));
  CHECK(contains(outcome.err, "add --protocol plaintext"));
  const auto other = deploy({"--protocol", "blink"});
  CHECK(other.status == 2);
  CHECK(contains(other.err, "'blink'"));
  const auto dealt = deploy({"--protocol", "securenn/fresh"});
  CHECK(dealt.status == 2);
  CHECK(contains(dealt.err, "'securenn/fresh'"));
  REQUIRE(log_says(parties, 0, "session"));
  for (int i = 0; i < 100 && outcome.status != 0; ++i) {
    outcome = deploy({"--protocol", "plaintext"});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(outcome.status == 0);
  const auto digits = (zoo / "mnist-100.idx3-ubyte").string();
  const auto shown = parties.predict({digits});
  CHECK(shown.status == 2);
  CHECK(contains(shown.err, "add --protocol plaintext"));
  CHECK(parties.predict({digits, "--protocol", "plaintext"}).status == 0);
  CHECK(parties.predict({digits, "--protocol", "rot13"}).status == 2);
  const auto doctor = run({"doctor", "--config", config});
  CHECK(contains(doctor.out, "it protects nothing"));
}

TEST_CASE("servers that compute differently are not asked for a prediction") {
  ThreeProcesses parties;
  replace_in(parties.config(1), "role = ", "protocol = \"plaintext\"\nrole = ");
  parties.start_all();
  const auto digits = (zoo / "mnist-100.idx3-ubyte").string();
  Outcome outcome;
  for (int i = 0; i < 100 && outcome.status != 2; ++i) {
    outcome = parties.predict({digits});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(outcome.status == 2);
  for (const char* protocol : {"'blink'", "'plaintext'"}) CHECK(contains(outcome.err, protocol));
  Outcome doctor;
  for (int i = 0; i < 100 && !contains(doctor.out, "crypto_producer: blink"); ++i) {
    doctor = run({"doctor", "--config", parties.client_config().string()});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(doctor.status == 1);
  CHECK(contains(doctor.out, "server0: blink; server1: plaintext; crypto_producer: blink"));
  CHECK(contains(doctor.out, "use one at all three"));
}
