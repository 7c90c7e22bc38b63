#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "model/onnx/import.h"
#include "model/plaintext/fixed_oracle.h"
#include "model/plaintext/float_oracle.h"
#include "model/plan/output.h"
#include "model/quantize/compile.h"

using namespace blindsight;
using namespace blindsight::model;

TEST_CASE("the skin model in integers stays within 0.02 of its float logits") {
  const auto network = import_onnx(std::filesystem::path("model/zoo/skin-vgg16-avgpool-v2-int8.onnx"));
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  REQUIRE(network->layers.size() == 14);
  const auto& fc = network->layers.back();
  CHECK(fc.conv.in == tensor::Shape{1, 1, 12 / 2 * 12 / 2 * 512});
  CHECK(network->layers[9].out() == tensor::Shape{12, 12, 512});  // 25 → 12 rounds down

  const auto p = *Preprocessing::preset("imagenet", network->input);
  auto load = [&](const std::string& file) {
    auto images = load_images(file, p);
    REQUIRE_MESSAGE(images.has_value(), (images ? "" : images.error().what));
    return images->at(0);
  };
  // The four that together drive every layer furthest: to 92 % at least of what all of the folder do.
  std::vector<Image> calibration;
  for (const char* name : {"ISIC_0000034", "ISIC_0000036", "ISIC_0002975", "ISIC_0013027"})
    calibration.push_back(load(std::string("model/zoo/calibration/") + name + ".jpg"));
  CompileOptions options;
  options.labels = {"melanoma", "other"};
  const auto compiled = compile(*network, p, calibration, options);
  REQUIRE_MESSAGE(compiled.has_value(), (compiled ? "" : compiled.error().what));
  CHECK(compiled->plan.stated_error < 0.05);
  for (std::size_t i = 1; i < 13; ++i)
    CHECK(compiled->plan.network.layers[i].algorithm == tensor::ConvAlgorithm::winograd4);

  const FixedOracle oracle(compiled->plan, compiled->weights);
  for (const char* file : {"model/zoo/images/skin_cancer_image.npy", "model/zoo/images/malignant/ISIC_0012258.jpg",
                           "model/zoo/images/benign/ISIC_0015064.jpg"}) {
    CAPTURE(file);
    const Image image = load(file);
    const auto real = run_float(*network, image.values);
    const auto input = encode_input(compiled->plan, image.values);
    REQUIRE(input.has_value());
    const auto run = oracle.run(*input, Rounding::dither, 5);
    CHECK(*std::max_element(run.worst.begin(), run.worst.end()) <= 1);
    const auto logits = decode_output(compiled->plan, run.output);
    for (std::size_t i = 0; i < real.size(); ++i) CHECK(std::abs(logits[i] - static_cast<double>(real[i])) < 0.02);
    CHECK(predicted(logits) == (real[0] > real[1] ? 0U : 1U));
  }
}
