#include "model/plan/plan.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "model/files/files.h"
#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

TEST_CASE("a plan that contradicts itself is refused with its layer") {
  const Plan plan = labelled_plan();
  struct Case {
    std::function<void(Plan&)> change;
    const char* word;
  };
  const Case cases[] = {
      {[](Plan& p) { p.network.layers[1].conv.in.channels = 9; }, "does not read what the layer before it makes"},
      {[](Plan& p) { p.network.layers[1].algorithm = tensor::ConvAlgorithm::winograd4; }, "algorithm"},
      {[](Plan& p) { p.network.layers[0].max_pools[0].height = 40; }, "Convolution28"},
      {[](Plan& p) { p.network.layers[0].max_pools[0].pad_top = 2; }, "impossible pool"},
      {[](Plan& p) { p.network.layers[0].fraction_bits = 0; }, "out of bounds (f 0, A 10, M 1)"},
      {[](Plan& p) { p.network.layers[0].activation_bits = 255; }, "out of bounds (f 13, A 255, M 1)"},
      {[](Plan& p) { p.network.layers[0].fraction_bits = 50; }, "more than 60 bits"},
      {[](Plan& p) {
         p.network.layers[0].activation_bits = 55;
         p.network.layers[0].fraction_bits = 1;
         p.network.layers[0].average_pools = {{14, 14}};
       },
       "window sums of more than 60 bits"},
      {[](Plan& p) { p.network.layers[2].relu = true; }, "last layer"},
      {[](Plan& p) { p.network.layers.clear(); }, "0 layers"},
      {[](Plan& p) { p.labels.pop_back(); }, "9 labels"},
      {[](Plan& p) { p.labels[0] = "\x1b[2J"; }, "label"},
      {[](Plan& p) { p.labels[3] = p.labels[4]; }, "is there twice"},
      {[](Plan& p) { p.labels[3] = ""; }, "is empty"},
      {[](Plan& p) { p.output = OutputKind::sigmoid; }, "independent is the word"},
      {[](Plan& p) { p.output = static_cast<OutputKind>(9); }, "unknown"},
      {[](Plan& p) { p.threshold = 1.5; }, "threshold"},
      {[](Plan& p) { p.threshold = std::nan(""); }, "threshold"},
      {[](Plan& p) { p.model_name = "a\nb"; }, "model name"},
      {[](Plan& p) { p.network.layers[0].name = "\xe2\x80\xae"; }, "impossible name"},
      {[](Plan& p) { p.preprocessing.deviation[0] = 0; }, "preprocessing"},
      {[](Plan& p) { p.output_scale = std::nan(""); }, "scale"},
      {[](Plan& p) { p.worst_calibrated[1] = 0; }, "impossible range"},
      {[](Plan& p) { p.network.input_bits = 60; }, "input has 60 bits"},
      {[](Plan& p) { p.worst_calibrated.pop_back(); }, "calibrated range"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even[2] = std::nan(""); }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even[2] = 1e9; }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even.resize(6); }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even.resize(1); }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even.clear(); }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.worst = -1; }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.rms = INFINITY; }, "polynomial"},
      {[](Plan& p) { p.network.layers[2].relu_fit = p.network.layers[0].relu_fit; }, "polynomial"},
  };
  for (const Case& c : cases) {
    Plan other = plan;
    c.change(other);
    const auto ok = check_plan(other);
    CAPTURE(c.word);
    REQUIRE_FALSE(ok.has_value());
    CAPTURE(ok.error().what);
    CHECK(ok.error().what.find(c.word) != std::string::npos);
    CHECK_FALSE(plan_from_bytes(to_bytes(other)).has_value());
  }
}

TEST_CASE("weights are saved for their owner alone and come back with their plan alone") {
  const TemporaryFolder folder;
  const Compiled& c = compiled_mnist();
  FileSet files;
  REQUIRE(add_weights(files, c.weights, folder / "m.weights").has_value());
  REQUIRE(add_plan(files, c.plan, folder / "m.plan").has_value());
  REQUIRE(files.commit().has_value());
  struct stat info {};
  REQUIRE(::stat((folder / "m.weights").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  const auto plan = load_plan(folder / "m.plan");
  REQUIRE(plan.has_value());
  const auto weights = load_weights(folder / "m.weights", *plan);
  REQUIRE_MESSAGE(weights.has_value(), (weights ? "" : weights.error().what));
  CHECK(weights->layers[2].filter == c.weights.layers[2].filter);
  CHECK(weights->layers[1].bias == c.weights.layers[1].bias);
  CHECK(weights->nonce == c.weights.nonce);
  CHECK(commitment(*weights) == plan->weights_commitment);
  CHECK(weights->scales == c.weights.scales);

  Plan other = *plan;
  other.weights_commitment[0] ^= 1;
  const auto wrong = load_weights(folder / "m.weights", other);
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().what.find("are not those") != std::string::npos);

  CHECK_FALSE(load_plan(folder / "none").has_value());
  CHECK_FALSE(add_plan(files, c.plan, folder / "no" / "folder").has_value());
}

TEST_CASE("a plan of the format's version 2 is read, and the weights beside it are refused with the command to run") {
  const std::filesystem::path folder = "tests/model/plan/version_2";
  const auto plan = load_plan(folder / "tiny.plan");
  REQUIRE_MESSAGE(plan.has_value(), (plan ? "" : plan.error().what));
  CHECK(plan->model_name == "tiny.onnx");
  CHECK(plan->network.layers.size() == 3);
  CHECK(plan->calibration_images == 50);
  CHECK(plan->worst_calibrated.size() == 3);
  const auto weights = load_weights(folder / "tiny.weights", *plan);
  REQUIRE_FALSE(weights.has_value());
  CAPTURE(weights.error().what);
  CHECK(weights.error().fault == protocol::Fault::usage);
  for (const char* word : {"tiny.weights", "version 2", "blindsight model compile MODEL.onnx"})
    CHECK(weights.error().what.find(word) != std::string::npos);
}

TEST_CASE("an input is encoded at the plan's scale or refused, outputs are decoded") {
  const Plan& plan = compiled_mnist().plan;
  std::vector<float> image(784, 0);
  image[5] = 255;
  const auto input = encode_input(plan, image);
  REQUIRE(input.has_value());
  CHECK((*input)[5] == std::lround(255 * plan.input_scale));
  image[6] = 1e6F;
  image[7] = -2e6F;
  const auto far = encode_input(plan, image);
  REQUIRE_FALSE(far.has_value());
  CHECK(far.error().what.find("compiled for: -2e+06, and at most ") != std::string::npos);
  CHECK(far.error().what.find("is --preprocess right, or the array not preprocessed?") != std::string::npos);
  image[6] = std::nanf("");
  CHECK(encode_input(plan, image).error().what.find("nan") != std::string::npos);
  CHECK_FALSE(encode_input(plan, std::vector<float>(783)).has_value());
  const auto logits = decode_output(plan, std::vector<std::int64_t>{100, -50});
  CHECK(logits[0] == doctest::Approx(100 / plan.output_scale));
}
