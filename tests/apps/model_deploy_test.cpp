#include <doctest/doctest.h>

#include "client/client.h"
#include "config/config.h"
#include "protocol/core/text.h"
#include "tests/apps/support/owner.h"
#include "tests/apps/support/three_processes.h"

using namespace blindsight;
using namespace blindsight::tests;

namespace {

/// The parties' client configuration.
config::ClientConfig client_of(const ThreeProcesses& parties) {
  auto loaded = config::load_client(parties.client_config());
  REQUIRE(loaded);
  return *loaded;
}

std::string deployed_digest(const ThreeProcesses& parties) {
  const auto status = client::Client(client_of(parties)).status(config::Role::server0);
  REQUIRE(status);
  return status->plan_digest;
}

}  // namespace

TEST_CASE("deploy brings a compiled plan, or compiles one, and says what the servers serve") {
  const Owner owner;
  ThreeProcesses parties;
  parties.start_all();
  const auto first = owner / "m.plan";
  REQUIRE(owner.compile("three.onnx", {"-o", first, "--weights", owner / "w.weights"}).status == 0);
  const auto deploy = [&](std::vector<std::string> more) {
    std::vector<std::string> all = {"model", "deploy", "--config", parties.client_config().string()};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  // The parties may still be on their way up.
  Outcome outcome;
  for (int i = 0; i < 200 && outcome.status != 0; ++i) outcome = deploy({first, "--weights", owner / "w.weights"});
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const auto plan = model::load_plan(first);
  REQUIRE(plan);
  const auto digest = protocol::to_hex(model::digest(*plan));
  CHECK(outcome.out.find(digest) != std::string::npos);
  CHECK(deployed_digest(parties) == digest);

  const auto compiled = deploy({owner / "one.onnx", "--calibration", owner / "images.idx3-ubyte"});
  CAPTURE(compiled.err);
  CHECK(compiled.status == 0);
  CHECK(deployed_digest(parties) != digest);
  CHECK(compiled.out.find(deployed_digest(parties)) != std::string::npos);
}

TEST_CASE("what cannot be deployed is told with its status, and nobody to deploy it to is no fault of the caller") {
  const Owner owner;
  const ThreeProcesses parties;
  const auto config = parties.client_config().string(), plan = owner / "m.plan", images = owner / "images.idx3-ubyte";
  REQUIRE(owner.compile("three.onnx", {"-o", plan}).status == 0);
  CHECK(run({"model", "deploy", plan, "--config", config}).status == 1);
  CHECK(run({"model", "deploy", plan}).status == 2);
  CHECK(run({"model", "deploy", plan, "--config", owner / "gone.toml"}).status == 2);
  CHECK(run({"model", "deploy", owner / "gone.plan", "--config", config}).status == 2);
  CHECK(run({"model", "deploy", owner / "three.onnx", "--config", config}).status == 2);
  CHECK(run({"model", "deploy", owner / "three.onnx", "--config", config, "--calibration", images, "--weights",
             owner / "m.weights"})
            .status == 2);
  std::filesystem::remove(owner / "m.weights");
  CHECK(run({"model", "deploy", plan, "--config", config}).status == 2);
}
