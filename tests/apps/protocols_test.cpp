#include "apps/protocols.h"

#include <doctest/doctest.h>

#include "apps/failure.h"
#include "tests/apps/support/three_processes.h"
#include "tests/support/text.h"

using namespace blindsight;
using namespace blindsight::tests;
namespace fs = std::filesystem;

namespace {

void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  auto text = read_text(file);
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  write_text(file, text.replace(at, from.size(), to));
}

/// What a command line names, as a whole; "refused" when it is for the caller to mend.
std::string spelled(std::string_view protocol, const apps::DealingFlags& flags = {}) {
  try {
    return protocol::spelling(apps::named(protocol, flags).choice());
  } catch (const apps::Failure& failure) {
    CHECK(failure.status() == apps::Exit::usage);
    return "refused";
  }
}

}  // namespace

TEST_CASE("a command line names a choice by --protocol, by the flags, or by both where they do not contradict") {
  CHECK(spelled("") == protocol::default_protocol().name);
  CHECK(spelled("securenn") == "securenn");
  CHECK(spelled("securenn/fresh/sent") == "securenn/fresh/sent");
  CHECK(spelled("securenn", {"fresh", "sent"}) == "securenn/fresh/sent");
  CHECK(spelled("securenn/fresh", {"fresh", "sent"}) == "securenn/fresh/sent");
  CHECK(spelled("securenn/fresh", {"reused", {}}) == "refused");
  CHECK(spelled("securenn/stale") == "refused");
  CHECK(spelled("rot13") == "refused");
  CHECK(spelled("plaintext", {"fresh", {}}) == "refused");
}

TEST_CASE("what is left out agrees with every choice, what is said with its own only") {
  const auto choice = [](const char* text) { return *protocol::choice_of(text); };
  CHECK(apps::named("securenn").names(choice("securenn/fresh/sent")));
  CHECK(apps::named("securenn/fresh").names(choice("securenn/fresh/sent")));
  CHECK_FALSE(apps::named("securenn/fresh").names(choice("securenn")));
  CHECK_FALSE(apps::named("securenn", {{}, "sent"}).names(choice("securenn/fresh")));
  CHECK_FALSE(apps::named("securenn").names(choice("blink")));
  CHECK_FALSE(apps::named("").names(choice("blink")));
}

TEST_CASE("a party's file names a protocol alone, and its dealing by keys") {
  config::PartyConfig config;
  config.protocol = "securenn";
  config.triples = "fresh";
  CHECK(protocol::spelling(*apps::choice_in(config)) == "securenn/fresh");
  for (const char* wrong : {"securenn/fresh", "blink", "rot13"}) {
    config.protocol = wrong;
    const auto choice = apps::choice_in(config);
    REQUIRE_FALSE(choice);
    CHECK(choice.error().fault == protocol::Fault::usage);
  }
}

TEST_CASE("a choice of dealing that the protocol does not have is refused, in a file and on the command line") {
  const ThreeProcesses parties("triples = \"fresh\"\nrandomness = \"sent\"\n");
  const auto party = run({"party", "--config", parties.config(2).string()});
  CHECK(party.status == 2);
  CHECK(contains(party.err, "protocol blink has no such choice: `triples` = \"fresh\" and `randomness` = \"sent\""));
  const auto inspect = run({"model", "inspect", (zoo / "mnist-8.onnx").string(), "--triples", "fresh"});
  CHECK(inspect.status == 2);
  CHECK(contains(inspect.err, "protocol blink"));
  CHECK(run({"model", "inspect", (zoo / "mnist-8.onnx").string(), "--triples", "stale"}).status == 2);
  const auto inspected = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"model", "inspect", (zoo / "mnist-8.onnx").string(), "--json"};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  const auto spelled = inspected({"--protocol", "securenn/fresh/sent"});
  CHECK(spelled.status == 0);
  CHECK(spelled.out == inspected({"--protocol", "securenn", "--triples", "fresh", "--randomness", "sent"}).out);
  CHECK(spelled.out != inspected({"--protocol", "securenn/fresh"}).out);
  CHECK(inspected({"--protocol", "securenn/fresh", "--randomness", "sent"}).out == spelled.out);
  const auto twice = inspected({"--protocol", "securenn/fresh", "--triples", "reused"});
  CHECK(twice.status == 2);
  CHECK(contains(twice.err, "--protocol says fresh, and --triples says reused"));
  const auto stale = inspected({"--protocol", "securenn/stale"});
  CHECK(stale.status == 2);
  CHECK(contains(stale.err, "'stale' is no way of dealing; there are: reused, fresh"));
  replace_in(parties.config(1), "role = ", "protocol = \"securenn/fresh\"\nrole = ");
  const auto in_file = run({"party", "--config", parties.config(1).string()});
  CHECK(in_file.status == 2);
  CHECK(contains(in_file.err, "say how it deals by the keys `triples` and `randomness`"));
  replace_in(parties.config(2), "\"fresh\"", "\"once\"");
  const auto unknown = run({"party", "--config", parties.config(2).string()});
  CHECK(unknown.status == 2);
  CHECK(contains(unknown.err, ": triples"));
}
