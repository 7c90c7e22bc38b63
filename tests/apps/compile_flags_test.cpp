#include "apps/compile_flags.h"

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>

#include "apps/failure.h"

#include "tests/apps/support/owner.h"
#include "tests/apps/support/three_processes.h"
#include "tests/support/text.h"

using namespace blindsight;
using namespace blindsight::tests;
namespace fs = std::filesystem;

TEST_CASE("what is a matter of compiling is refused where nothing is compiled") {
  const Owner owner;
  const auto plan = owner / "m.plan", images = owner / "images.idx3-ubyte", config = owner / "client.toml";
  REQUIRE(owner.compile("three.onnx", {"-o", plan}).status == 0);
  write_text(config,
             "insecure_plaintext_links = true\nserver0 = \"127.0.0.1:1\"\nserver1 = \"127.0.0.1:2\"\ncrypto_producer = "
             "\"127.0.0.1:3\"\n");
  const std::vector<std::string> commands[] = {
      {"model", "inspect", plan},
      {"model", "check", owner / "three.onnx", "--plan", plan, "--images", images},
      {"model", "deploy", plan, "--config", config},
      {"local", "--model", plan, "--dir", owner / "local"},
      {"local", "--dir", owner / "local"}};
  const std::vector<std::string> flags[] = {
      {"--threshold", "0.1"}, {"--labels", "z"},         {"--calibration", "nowhere"}, {"--no-winograd"},
      {"--output", "none"},   {"--orientation", "exif"}, {"--accept-few-images"},      {"--relu-fit", "uniform"}};
  for (const auto& command : commands)
    for (const auto& flag : flags) {
      auto all = command;
      all.insert(all.end(), flag.begin(), flag.end());
      const auto outcome = run(all);
      CAPTURE(outcome.err);
      CHECK(outcome.status == 2);
      CHECK(contains(outcome.err, flag[0] + " is a matter of compiling"));
    }
  CHECK_FALSE(fs::exists(owner / "local"));
  // How arrays lie matters where images are read.
  CHECK(run({"model", "check", owner / "three.onnx", "--plan", plan, "--images", images, "--array-layout", "chw"})
            .status == 0);
  CHECK(run({"model", "inspect", plan, "--array-layout", "chw"}).status == 2);
  CHECK(run({"model", "check", owner / "three.onnx", "--calibration", images, "--images", images, "--weights",
             owner / "m.weights"})
            .status == 2);
}

TEST_CASE("widths beyond the default protocol's are for the protocol that is named, with a note, or refused by it") {
  const auto inspect = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"model", "inspect", (zoo / "mnist-8.onnx").string()};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  const auto usual = inspect({"--activation-bits", "18"});
  CHECK(usual.status == 2);
  CHECK(contains(usual.err, "protocol blink: layer 'Convolution28': needs a linear ring of 33 bits (f 12, A 18, M 1)"));
  const auto wide = inspect({"--activation-bits", "18", "--protocol", "securenn"});
  CHECK(wide.status == 0);
  CHECK(contains(wide.err, "note: the plan is for securenn alone: protocol blink: layer 'Convolution28'"));
  const auto wider = inspect({"--activation-bits", "20", "--protocol", "securenn"});
  CHECK(wider.status == 2);
  CHECK(contains(wider.err, "protocol securenn: layer 'Convolution28'"));
  const auto both = inspect({"--protocol", "securenn"});
  CHECK(both.status == 0);
  CHECK_FALSE(contains(both.err, "note: the plan is for"));
}

TEST_CASE("labels are the parts between commas, empty ones too") {
  const auto labels_of = [](const std::string& text) {
    CLI::App app;
    std::vector<std::string> labels;
    apps::add_labels_flag(app, labels);
    app.parse("--labels " + text);
    return labels;
  };
  using Labels = std::vector<std::string>;
  CHECK(labels_of("a,b") == Labels{"a", "b"});
  CHECK(labels_of("a,,b,") == Labels{"a", "", "b", ""});
}

TEST_CASE("a model's file is told by its ending, and by nothing else") {
  CHECK((apps::kind_of_model_file("a.plan/m.onnx") == apps::ModelFile::onnx));
  CHECK((apps::kind_of_model_file("m.onnx.plan") == apps::ModelFile::plan));
  for (const char* name : {"m", "m.weights", "onnx", "m.ONNX"})
    CHECK_THROWS_AS(apps::kind_of_model_file(name), apps::Failure);
}

TEST_CASE("pixels become numbers as the network's channels say, unless it is said otherwise") {
  model::FloatNetwork network;
  network.input = {4, 4, 3};
  CHECK_FALSE((apps::preprocessing_for(network, "") == apps::preprocessing_for(network, "raw")));
  CHECK((apps::preprocessing_for(network, "") == apps::preprocessing_for(network, "imagenet")));
  network.input = {4, 4, 1};
  CHECK((apps::preprocessing_for(network, "") == apps::preprocessing_for(network, "raw")));
  CHECK_THROWS_AS(apps::preprocessing_for(network, "imagenet"), apps::Failure);
}
