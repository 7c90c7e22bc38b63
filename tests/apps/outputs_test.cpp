#include <doctest/doctest.h>

#include "tests/apps/support/owner.h"
#include "tests/support/text.h"

using namespace blindsight::tests;
namespace fs = std::filesystem;

TEST_CASE("no command writes over what it was given, whatever the name") {
  const Owner owner;
  fs::create_hard_link(owner / "three.onnx", owner / "hard.plan");
  fs::create_symlink(owner / "three.onnx", owner / "soft.plan");
  write_text(owner / "three.onnx.data", "weights kept beside");
  const auto model = read_text(owner / "three.onnx"), images = read_text(owner / "images.idx3-ubyte");
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"-o", owner / "three.onnx"}, "is the trained model itself: name another file with -o"},
      {{"-o", (owner.folder / "." / "three.onnx").string()}, "is the trained model itself"},
      {{"-o", owner / "hard.plan"}, "is the trained model itself"},
      {{"-o", owner / "soft.plan"}, "is the trained model itself"},
      {{"-o", owner / "a.plan", "--weights", owner / "three.onnx"}, "is the trained model itself"},
      {{"-o", owner / "a.plan", "--weights", owner / "images.idx3-ubyte"}, "is one of the images itself"},
      {{"-o", owner / "a.plan", "--weights", owner / "a.plan"}, "is the place of the plan and of the weights"},
      {{"-o", owner / "a.plan", "--weights", owner / "three.onnx.data"}, "the trained model's data itself"},
      {{"-o", owner / "a"}, "ends with .plan"},
      {{"-o", owner.folder.path().string()}, "folder"},
      {{"-o", owner / "none/a.plan"}, "no folder"},
  };
  for (const auto& [more, word] : cases) {
    const auto outcome = owner.compile("three.onnx", more);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, word));
  }
  REQUIRE(owner.compile("three.onnx", {"-o", owner / "m.plan"}).status == 0);
  const auto plan = read_text(owner / "m.plan"), weights = read_text(owner / "m.weights");
  for (const char* name : {"three.onnx", "m.plan", "m.weights", "images.idx3-ubyte"}) {
    const auto outcome = run({"model", "check", owner / "three.onnx", "--plan", owner / "m.plan", "--images",
                              owner / "images.idx3-ubyte", "--json-file", owner / name});
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, " itself: name another file with --json-file"));
  }
  CHECK(read_text(owner / "three.onnx") == model);
  CHECK(read_text(owner / "images.idx3-ubyte") == images);
  CHECK(read_text(owner / "m.plan") == plan);
  CHECK(read_text(owner / "m.weights") == weights);
}

TEST_CASE("data that a model names, whatever its name, is never written over") {
  const Owner owner;
  const auto images = owner / "images.idx3-ubyte", config = owner / "client.toml";
  write_text(config,
             "insecure_plaintext_links = true\nserver0 = \"127.0.0.1:1\"\nserver1 = \"127.0.0.1:2\"\ncrypto_producer = "
             "\"127.0.0.1:3\"\n");
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"ext.json", {"model", "check", owner / "m.onnx", "--calibration", images, "--images", images, "--json-file"}},
      {"ext.svg", {"predict", images, "--config", config, "--compare", owner / "m.onnx", "--timeline"}},
      {"ext.onnx", {"model", "prune", owner / "m.onnx", "--fraction", "0.5", "--out"}},
      {"ext.plan", {"model", "compile", owner / "m.onnx", "--calibration", images, "-o"}},
      {"ext.weights",
       {"model", "compile", owner / "m.onnx", "--calibration", images, "-o", owner / "x.plan", "--weights"}}};
  for (const auto& [name, command] : cases) {
    write_model_with_data(owner.folder / "m.onnx", name);
    const auto data = read_text(owner / name);
    auto all = command;
    all.push_back(owner / name);
    const auto outcome = run(all);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, "is the trained model's data itself"));
    CHECK(read_text(owner / name) == data);
  }
  CHECK(run({"model", "inspect", owner / "m.onnx"}).status == 0);
}

TEST_CASE("nothing in a folder of images is written over, nor a file of another kind") {
  const Owner owner;
  fs::create_directories(owner / "photos/.hidden");
  fs::copy_file(owner / "images.idx3-ubyte", owner / "photos/images.idx3-ubyte");
  for (const char* name : {"photos/notes.json", "photos/.hidden/notes.json"}) write_text(owner / name, "{}");
  REQUIRE(owner.compile("three.onnx", {"-o", owner / "m.plan"}).status == 0);
  const auto check = [&](const std::string& images, const std::string& result) {
    return run({"model", "check", owner / "three.onnx", "--plan", owner / "m.plan", "--images", owner / images,
                "--json-file", owner / result});
  };
  for (const char* name : {"photos/notes.json", "photos/.hidden/notes.json"}) {
    const auto outcome = check("photos", name);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, "is one of the files in the folder"));
    CHECK(read_text(owner / name) == "{}");
  }
  CHECK(check("photos", "photos/new.json").status == 0);
  CHECK(contains(check("images.idx3-ubyte", "m.calibration.json").err, "is the calibration's record itself"));
  const auto text = check("images.idx3-ubyte", "result.txt");
  CHECK(text.status == 2);
  CHECK(contains(text.err, "ends with .json: name such a file with --json-file"));
  CHECK(run({"model", "check", owner / "three.onnx", "--plan", owner / "m.plan", "--images",
             owner / "images.idx3-ubyte", "--json-file", "/dev/null"})
            .status == 0);
  for (const auto& [weights, word] :
       {std::pair{owner / "secret", "ends with .weights"}, {"/dev/null", "is a device"}}) {
    const auto outcome = owner.compile("three.onnx", {"-o", owner / "n.plan", "--weights", weights});
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, word));
    CHECK_FALSE(fs::exists(owner / "n.plan"));
  }
}
