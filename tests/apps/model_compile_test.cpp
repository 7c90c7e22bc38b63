#include <doctest/doctest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/apps/support/owner.h"
#include "tests/support/text.h"

using namespace blindsight::tests;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

unsigned rights_of(const fs::path& file) {
  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

}  // namespace

TEST_CASE("compile says what outputs are told as, and what it took for granted") {
  const Owner owner;
  const auto one = owner.compile("one.onnx", {"-o", owner / "a.plan"});
  CHECK(one.status == 0);
  CHECK(contains(one.err, "told as a number; compile with --output sigmoid"));
  CHECK(contains(one.out, "told as none"));
  const auto three = owner.compile("three.onnx", {"-o", owner / "a.plan"});
  CHECK(three.status == 0);
  CHECK(contains(three.err, "--output independent"));
  CHECK(contains(three.out, "told as softmax"));
  const auto said = owner.compile(
      "three.onnx", {"-o", owner / "a.plan", "--output", "independent", "--threshold", "0.25", "--labels", "a,b,c"});
  CHECK(said.status == 0);
  CHECK(said.err.empty());
  const auto inspected = run({"model", "inspect", owner / "a.plan"});
  CHECK(contains(inspected.out, "3 outputs, told as independent, a yes above 25 %"));
  const auto output = json::parse(run({"model", "inspect", owner / "a.plan", "--json"}).out).at("output");
  CHECK(output.at("kind") == "independent");
  CHECK(output.at("threshold") == 0.25);
  CHECK(output.at("labels") == json({"a", "b", "c"}));
}

TEST_CASE("outputs, thresholds and labels that do not fit are refused before any image is read") {
  const Owner owner;
  const std::tuple<std::string, std::vector<std::string>, std::string> cases[] = {
      {"three.onnx", {"--output", "sigmoid"}, "independent"},
      {"one.onnx", {"--output", "softmax"}, "sigmoid"},
      {"three.onnx", {"--output", "maybe"}, "independent"},
      {"three.onnx", {"--threshold", "0.3"}, "threshold"},
      {"three.onnx", {"--output", "independent", "--threshold", "1.5"}, "from 0 to 1"},
      {"three.onnx", {"--labels", "a,b"}, "2 labels for 3 outputs"},
      {"three.onnx", {"--labels", "a,b,b"}, "'b' is there twice"},
      {"three.onnx", {"--labels", "a,\x1b[2J,b"}, "cannot be shown"},
      {"three.onnx", {"--labels", "a, ,b"}, "is empty"},
      {"three.onnx", {"--labels", "a,,b"}, "label 2 is empty"},
      {"three.onnx", {"--labels", "a,b,"}, "label 3 is empty"},
  };
  for (const auto& [model, more, word] : cases) {
    auto arguments = more;
    arguments.insert(arguments.end(), {"-o", owner / "a.plan"});
    const auto outcome = owner.compile(model, arguments, "not there");
    CAPTURE(word);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, word));
    CHECK_FALSE(fs::exists(owner / "a.plan"));
  }
}

TEST_CASE("compile tells what its ranges rest on and keeps the record for the model's owner") {
  const Owner owner;
  const auto outcome = owner.compile("three.onnx", {"-o", owner / "a.plan", "--output", "softmax"});
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  CHECK(contains(outcome.out, "growth per doubling"));
  CHECK(contains(outcome.out, "statistically, from 40 images"));
  CHECK(rights_of(owner / "a.calibration.json") == 0600);
  CHECK(rights_of(owner / "a.weights") == 0600);
  const auto record = json::parse(read_text(owner / "a.calibration.json"));
  CHECK(record.at("images") == 40);
  const auto& layer = record.at("layers").at(0);
  CHECK(layer.at("largest_of_a_quarter") <= layer.at("largest_of_half"));
  CHECK(layer.at("largest_of_half") <= layer.at("largest"));
  CHECK(layer.at("scale").get<double>() > 0);
  CHECK(record.at("weights_commitment").get<std::string>().size() == 64);
  CHECK(contains(run({"model", "inspect", owner / "a.plan"}).out, "statistically, from 40 images"));

  CHECK(owner.compile("three.onnx", {"-o", owner / "b.plan", "--weights", owner / "secret.weights"}).status == 0);
  CHECK(fs::exists(owner / "secret.calibration.json"));
  CHECK_FALSE(fs::exists(owner / "b.weights"));
}

TEST_CASE("a model compiled again is another plan, each with its own weights, and a check under encryption names one") {
  const Owner owner;
  for (const char* name : {"a", "b"})
    REQUIRE(owner.compile("three.onnx", {"-o", owner / (std::string(name) + ".plan")}).status == 0);
  CHECK(read_text(owner / "a.plan") != read_text(owner / "b.plan"));
  const std::vector<std::string> check = {"model",          "check",    owner / "three.onnx",       "--plan",
                                          owner / "a.plan", "--images", owner / "images.idx3-ubyte"};
  CHECK(run(check).status == 0);
  auto others = check;
  others.insert(others.end(), {"--weights", owner / "b.weights"});
  const auto refused = run(others);
  CHECK(refused.status == 2);
  CHECK(contains(refused.err, "b.weights"));
  CHECK(contains(refused.err, "are not those that the plan"));

  const auto unnamed = run({"model", "check", owner / "three.onnx", "--calibration", owner / "images.idx3-ubyte",
                            "--images", owner / "images.idx3-ubyte", "--config", owner / "client.toml"});
  CHECK(unnamed.status == 2);
  CHECK(contains(unnamed.err, "name the plan that was deployed with --plan"));
}

TEST_CASE(
    "a plan of the format before is inspected, and its weights are refused with the command that makes both again") {
  const Owner owner;
  const fs::path plan = "tests/model/plan/version_2/tiny.plan";
  const auto inspected = run({"model", "inspect", plan.string()});
  CHECK(inspected.status == 0);
  CHECK(contains(inspected.out, "tiny.onnx, reads 28×28×1"));
  const auto refused =
      run({"model", "check", owner / "three.onnx", "--plan", plan.string(), "--images", owner / "images.idx3-ubyte"});
  CHECK(refused.status == 2);
  CHECK(contains(refused.err, "tiny.weights"));
  CHECK(contains(refused.err, "blindsight model compile MODEL.onnx --calibration IMAGES -o NAME.plan"));
}

TEST_CASE("few images, copies and black frames are refused unless they are accepted by name, few are warned of") {
  const Owner owner;
  write_images(owner / "seven.idx3-ubyte", small_images(7));
  write_images(owner / "ten.idx3-ubyte", small_images(10));
  write_images(owner / "copies.idx3-ubyte", std::vector<SmallImage>(40, small_images(1)[0]));
  write_images(owner / "black.idx3-ubyte", std::vector<SmallImage>(40, SmallImage(small_side * small_side, 0)));
  for (const char* images : {"seven", "copies", "black"}) {
    const auto refused = owner.compile("three.onnx", {"-o", owner / "a.plan"}, images);
    CAPTURE(images);
    CHECK(refused.status == 2);
    CHECK(contains(refused.err, "--accept-few-images"));
    CHECK_FALSE(fs::exists(owner / "a.plan"));
    const auto accepted = owner.compile("three.onnx", {"-o", owner / "a.plan", "--accept-few-images"}, images);
    CHECK(accepted.status == 0);
    CHECK(contains(accepted.err, "warning"));
    fs::remove(owner / "a.plan");
  }
  const auto warned = owner.compile("three.onnx", {"-o", owner / "a.plan", "--output", "softmax"}, "ten");
  CHECK(warned.status == 0);
  CHECK(contains(warned.err, "10 different images"));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"model", "inspect", owner / "three.onnx"},
        {"model", "check", owner / "three.onnx", "--images", owner / "ten.idx3-ubyte"}}) {
    auto all = command;
    all.insert(all.end(), {"--calibration", owner / "seven.idx3-ubyte"});
    CHECK(run(all).status == 2);
    all.emplace_back("--accept-few-images");
    CHECK(run(all).status != 2);
  }
}

TEST_CASE("a threshold is told with all its digits") {
  const Owner owner;
  const auto outcome =
      owner.compile("one.onnx", {"-o", owner / "a.plan", "--output", "sigmoid", "--threshold", "0.999999"});
  CHECK(contains(outcome.out, "a yes above 99.9999 %"));
}

TEST_CASE("a bias beyond the ring is told when the model is compiled, not when it is deployed") {
  const Owner owner;
  auto dim = small_images(40);
  for (auto& image : dim)
    for (auto& pixel : image) pixel = static_cast<std::uint8_t>(120 + pixel / 16);
  write_images(owner / "dim.idx3-ubyte", dim);
  // Outputs of 3 at most, made of a mean near 127 and a bias of -127.5.
  const auto outcome = owner.compile("one.onnx", {"-o", owner / "m.plan"}, "dim");
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "mean' has a bias of -127.5"));
  CHECK(contains(outcome.err, "does not fit its ring"));
  CHECK_FALSE(fs::exists(owner / "m.plan"));
}
