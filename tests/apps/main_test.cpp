#include <doctest/doctest.h>

#include <algorithm>

#include "tests/apps/support/three_processes.h"
#include "tests/support/text.h"

using namespace blindsight::tests;

TEST_CASE("arguments that make no sense exit with 2 and say what does") {
  CHECK(run({}).status == 2);
  CHECK(run({"fly"}).status == 2);
  CHECK(run({"predict", "a.png"}).status == 2);
  CHECK(run({"party"}).status == 2);
  CHECK(contains(run({"party"}).err, "--config"));
  const auto protocol = run({"model", "inspect", (zoo / "mnist-8.onnx").string(), "--protocol", "rot13"});
  CHECK(protocol.status == 2);
  CHECK(contains(protocol.err, "blink"));
}

TEST_CASE("help exits with 0 and goes to standard output") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"predict", "--help"}, {"model", "check", "--help"}, {"local", "--help"}}) {
    const auto outcome = run(arguments);
    CHECK(outcome.status == 0);
    CHECK(contains(outcome.out, "Example"));
    CHECK(outcome.err.empty());
  }
  for (const char* command : {"compile", "check", "inspect", "deploy", "prune"}) {
    const auto help = run({"model", command, "--help"}).out;
    CHECK(std::none_of(help.begin(), help.end(), [](char c) { return c >= 0 && c < ' ' && c != '\n' && c != '\t'; }));
  }
  CHECK(contains(run({"party", "--help-config"}).out, "preprocessing.depth"));
}

TEST_CASE("a result that could not be written is no success") {
  const TemporaryFolder folder;
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"model", "inspect", (zoo / "mnist-8.onnx").string(), "--json"}, {"--help"}}) {
    Program program(arguments, "/dev/full", folder / "err");
    CHECK(program.wait() == 1);
  }
  CHECK(contains(read_text(folder / "err"), "cannot write to standard output"));
}
