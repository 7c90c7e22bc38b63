#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/apps/support/owner.h"
#include "tests/apps/support/three_processes.h"
#include "tests/support/text.h"

using namespace blindsight::tests;
using nlohmann::json;
namespace fs = std::filesystem;

TEST_CASE("check names the images that leave a layer's range, or the input's, and ends with 1") {
  const Owner owner;
  // Calibrated on dim images: bright ones leave the range.
  auto dim = small_images(40);
  for (auto& image : dim)
    for (auto& pixel : image) pixel = static_cast<std::uint8_t>(120 + pixel / 16);
  write_images(owner / "dim.idx3-ubyte", dim);
  auto bright = small_images(2);
  for (auto& pixel : bright[1]) pixel = 255;
  for (auto& pixel : bright[0]) pixel = 128;
  write_images(owner / "bright.idx3-ubyte", bright);
  write_small_model(owner.folder / "mean.onnx", 1, -60);
  const auto calibrated = owner.compile("mean.onnx", {"-o", owner / "m.plan"}, "dim");
  REQUIRE_MESSAGE(calibrated.status == 0, calibrated.err);
  const std::vector<std::string> check = {"model",          "check",    owner / "mean.onnx",         "--plan",
                                          owner / "m.plan", "--images", owner / "bright.idx3-ubyte", "--json"};
  const auto outcome = run(check);
  CAPTURE(outcome.err);
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "bright.idx3-ubyte#1' leaves the range of layer"));
  CHECK_FALSE(contains(outcome.err, "bright.idx3-ubyte#0"));
  const auto report = json::parse(last_line(outcome.out));
  REQUIRE(report.at("overflows").size() == 1);
  CHECK(report.at("overflows")[0].at("image") == owner / "bright.idx3-ubyte#1");
  CHECK(report.at("overflows")[0].at("reaches").get<double>() > 1);
  CHECK_FALSE(report.at("ways").at("float").contains("same_label"));  // a number has none
  const auto first = json::parse(outcome.out.substr(0, outcome.out.find('\n')));
  CHECK(first.at("float")[0].get<double>() == doctest::Approx(small_outputs(bright[0], 1, -60)[0]).epsilon(1e-4));

  // An array is taken as it is: this one is beyond what pixels can be.
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 4, 4), }";
  header.resize(117, ' ');
  std::string array = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n';
  for (int i = 0; i < 16; ++i) array += std::string("\x00\x00\x7a\x47", 4);  // 64000
  write_text(owner / "far.npy", array);
  auto with_far = check;
  with_far.insert(with_far.end() - 1, owner / "far.npy");
  const auto far = run(with_far);
  CAPTURE(far.err);
  CHECK(far.status == 1);
  CHECK(contains(far.err, "far.npy': the image has a value outside the range"));
  CHECK(contains(far.err, "64000, and at most 255.875"));
  CHECK(json::parse(last_line(far.out)).at("left_out") == 1);
  CHECK(json::parse(last_line(far.out)).at("left_out_images")[0].at("image") == owner / "far.npy");
  CHECK(json::parse(last_line(far.out)).at("images") == 2);

  // With no image that fits, there is a result all the same.
  const auto none = run({"model", "check", owner / "mean.onnx", "--plan", owner / "m.plan", "--images",
                         owner / "far.npy", "--json", "--json-file", owner / "none.json"});
  CHECK(none.status == 1);
  CHECK(contains(none.err, "no image could be run"));
  CHECK(json::parse(last_line(none.out)).at("images") == 0);
  CHECK(json::parse(read_text(owner / "none.json")).at("left_out") == 1);
  CHECK(
      run({"model", "check", owner / "mean.onnx", "--plan", owner / "m.plan", "--images", owner / "far.npy"}).status ==
      1);
}

TEST_CASE("an image that leaves a range counts as wrong, and is named by its path") {
  const Owner owner;
  auto dim = small_images(40);
  for (auto& image : dim)
    for (auto& pixel : image) pixel = static_cast<std::uint8_t>(120 + pixel / 16);
  write_images(owner / "dim.idx3-ubyte", dim);
  write_small_model(owner.folder / "mean.onnx", 1, -60);
  const auto compiled = owner.compile("mean.onnx", {"-o", owner / "m.plan", "--output", "sigmoid"}, "dim");
  REQUIRE_MESSAGE(compiled.status == 0, compiled.err);
  for (const char* kind : {"malignant", "benign"}) {
    fs::create_directory(owner / kind);
    write_images(owner / (std::string(kind) + "/a.idx3-ubyte"), {SmallImage(small_side * small_side, 128)});
  }
  write_images(owner / "malignant/b.idx3-ubyte", {SmallImage(small_side * small_side, 255)});
  const std::vector<std::string> check = {"model",          "check",    owner / "mean.onnx", "--plan",
                                          owner / "m.plan", "--images", owner / "malignant", owner / "benign"};
  const auto text = run(check);
  CHECK(text.status == 1);
  CHECK(contains(text.err, "malignant/b.idx3-ubyte' leaves the range"));
  CHECK(contains(text.out, "1 IMAGE OVERFLOWS"));
  CHECK(contains(text.out, "the AUC is of the other images"));
  auto as_json = check;
  as_json.emplace_back("--json");
  const auto report = json::parse(last_line(run(as_json).out));
  CHECK(report.at("overflows")[0].at("image") == owner / "malignant/b.idx3-ubyte");
  const auto &real = report.at("ways").at("float"), &integers = report.at("ways").at("fixed point");
  CHECK(real.at("same_label") == 3);
  CHECK(integers.at("same_label") == 2);
  CHECK(real.at("accuracy").get<double>() == doctest::Approx(2.0 / 3));
  CHECK(integers.at("accuracy").get<double>() == doctest::Approx(1.0 / 3));
  CHECK(real.at("auc_images") == json({2, 1}));
  CHECK(integers.at("auc_images") == json({1, 1}));
}

TEST_CASE("one logit has accuracy and AUC by the folder of its yes and that of its no") {
  const Owner owner;
  fs::create_directory(owner / "malignant");
  fs::create_directory(owner / "benign");
  auto images = small_images(2);
  for (auto& pixel : images[0]) pixel = 250;
  for (auto& pixel : images[1]) pixel = 10;
  write_images(owner / "malignant/a.idx3-ubyte", {images[0]});
  write_images(owner / "benign/b.idx3-ubyte", {images[1]});
  REQUIRE(owner.compile("one.onnx", {"-o", owner / "m.plan", "--output", "sigmoid", "--labels", "melanoma"}).status ==
          0);
  const auto check = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"model",          "check",    owner / "one.onnx",  "--plan",
                                    owner / "m.plan", "--images", owner / "malignant", owner / "benign",
                                    "--json"};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  const auto ways = json::parse(last_line(check({}).out)).at("ways");
  for (const char* way : {"float", "fixed point"}) {
    CHECK(ways.at(way).at("accuracy") == 1);
    CHECK(ways.at(way).at("auc") == 1);
  }
  const auto turned = json::parse(last_line(check({"--folders", "benign,malignant"}).out)).at("ways");
  CHECK(turned.at("float").at("accuracy") == 0);
  CHECK(turned.at("float").at("auc") == 0);
  const auto one_folder = check({"--folders", "malignant"});
  CHECK(one_folder.status == 2);
  CHECK(contains(one_folder.err, "that of its yes, then that of its no"));
}

TEST_CASE("check compares float with fixed point, and with the encrypted run when the parties are up") {
  ThreeProcesses parties;
  parties.start_all();
  const auto plan = parties.deploy_digits();
  const auto outcome =
      run({"model", "check", (zoo / "mnist-8.onnx").string(), "--plan", plan.string(), "--images",
           (zoo / "mnist-100.idx3-ubyte").string(), "--json", "--config", parties.client_config().string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(std::count(outcome.out.begin(), outcome.out.end(), '\n') == 101);
  const auto first = json::parse(outcome.out.substr(0, outcome.out.find('\n')));
  CHECK(first.at("image") == "model/zoo/mnist-100.idx3-ubyte#0");
  for (const char* way : {"float", "fixed", "encrypted"}) CHECK(first.at(way).size() == 10);
  const auto report = json::parse(last_line(outcome.out));
  CHECK(report.at("output") == "softmax");
  CHECK(report.at("overflows").empty());
  CHECK(report.at("images") == 100);
  CHECK(report.at("worst").get<double>() < 1);
  CHECK(report.at("worst").get<double>() > 0.1);
  CHECK(report.at("layers").size() == 3);
  const auto& ways = report.at("ways");
  CHECK(ways.at("float").at("max_abs_diff") == 0);
  CHECK(ways.at("fixed point").at("same_label").get<int>() >= 99);
  CHECK(ways.at("encrypted").at("same_label").get<int>() >= 99);
  CHECK(ways.at("encrypted").at("max_abs_diff").get<double>() > 0);
}

TEST_CASE("check reads the truth from the folders' names") {
  const auto malignant = (zoo / "images/malignant/ISIC_0012258.jpg").string();
  const auto outcome =
      run({"model", "check", (zoo / "skin-vgg16-avgpool-v2-int8.onnx").string(), "--calibration", malignant, "--images",
           malignant, (zoo / "images/benign").string(), "--most", "2", "--json", "--accept-few-images"});
  INFO(outcome.err);
  const auto report = json::parse(last_line(outcome.out));
  // One image calibrates poorly: the other may go over the bound, which the status says.
  CHECK(outcome.status == (report.at("worst").get<double>() > 1 ? 1 : 0));
  CHECK(report.at("overflows").empty() == (outcome.status == 0));
  CHECK(report.at("images") == 2);
  CHECK(report.at("ways").at("float").contains("accuracy"));
  CHECK(report.at("ways").at("float").contains("auc"));
}
