#include "model/plan/plan.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <random>

#include "model/files/files.h"
#include "model/plan/report.h"
#include "protocol/core/text.h"
#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

Plan labelled_plan() {
  Plan plan = compiled_mnist().plan;
  for (int i = 0; i < 10; ++i) plan.labels.push_back("digit " + std::to_string(i));
  return plan;
}

/// Costs that tell where they were asked for.
class LinearCosts final : public protocol::Costs {
 public:
  protocol::Cost online(protocol::ValueId value) const override { return cost(value); }
  protocol::Cost offline(protocol::ValueId value) const override { return cost(value); }
  protocol::Cost set_up(protocol::LayerId layer) const override { return cost(layer); }
  protocol::Memory memory(protocol::PartyId) const override { return {}; }
  double stated_error(protocol::LayerId) const override { return 0; }

 private:
  static protocol::Cost cost(std::uint16_t number) {
    protocol::Cost c;
    c.rounds = number;
    c.server0_to_server1 = 10 * number;
    c.client = 1;
    return c;
  }
};

}  // namespace

TEST_CASE("a plan comes back from its bytes whole") {
  const Plan plan = labelled_plan();
  const auto bytes = to_bytes(plan);
  const auto back = plan_from_bytes(bytes);
  REQUIRE_MESSAGE(back.has_value(), (back ? "" : back.error().what));
  CHECK(to_bytes(*back) == bytes);
  CHECK(digest(*back) == digest(plan));
  CHECK(back->model_name == "mnist-8.onnx");
  CHECK(back->labels == plan.labels);
  CHECK(back->preprocessing == plan.preprocessing);
  CHECK(back->calibration == plan.calibration);
  CHECK(back->network.layers[1].max_pools == plan.network.layers[1].max_pools);
  CHECK(back->network.layers[0].conv == plan.network.layers[0].conv);
  CHECK(back->output_scale == plan.output_scale);
  REQUIRE(plan.network.layers[0].relu_fit.degree() == 4);
  for (std::size_t i = 0; i < 3; ++i) CHECK(back->network.layers[i].relu_fit == plan.network.layers[i].relu_fit);
  CHECK(protocol::to_hex(digest(plan)).size() == 64);
}

TEST_CASE("whatever changes in a plan changes its digest") {
  const Plan plan = labelled_plan();
  const std::function<void(Plan&)> changes[] = {
      [](Plan& p) { p.model_name += "x"; },
      [](Plan& p) { p.preprocessing.orientation = Orientation::exif; },
      [](Plan& p) { p.weights_digest[31] ^= 1; },
      [](Plan& p) { p.network.layers[0].fraction_bits += 1; },
      [](Plan& p) { p.network.layers[1].max_pools[0].stride_x = 2; },
      [](Plan& p) { p.network.layers[1].relu = false; },
      [](Plan& p) { p.input_scale *= 2; },
      [](Plan& p) { p.output_scale *= 2; },
      [](Plan& p) { p.stated_error *= 2; },
      [](Plan& p) { p.preprocessing.mean[0] = 1; },
      [](Plan& p) { p.output = OutputKind::independent; },
      [](Plan& p) { p.threshold = 0.25; },
      [](Plan& p) { p.labels[9] = "ten"; },
      [](Plan& p) { p.calibration[2].worst *= 0.5; },
      [](Plan& p) { p.network.layers[0].relu_fit.even[1] *= 2; },
      [](Plan& p) { p.network.layers[0].relu_fit.even.pop_back(); },
      [](Plan& p) { p.network.layers[1].relu_fit.worst *= 2; },
      [](Plan& p) { p.network.layers[1].relu_fit.rms *= 2; },
      [](Plan& p) { p.network.layers[1].relu_fit = {}; },
  };
  for (const auto& change : changes) {
    Plan other = plan;
    change(other);
    CHECK(digest(other) != digest(plan));
  }
}

TEST_CASE("a plan cut short or with flipped bytes is refused or sound, never more") {
  const auto bytes = to_bytes(labelled_plan());
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    CHECK_FALSE(plan_from_bytes(std::span(bytes).first(cut)).has_value());
  std::mt19937 generator(11);
  std::size_t sound = 0, refused = 0;
  for (int i = 0; i < 20000; ++i) {
    auto hurt = bytes;
    for (unsigned n = 1 + generator() % 3; n > 0; --n)
      hurt[generator() % hurt.size()] = static_cast<std::uint8_t>(generator());
    const auto plan = plan_from_bytes(hurt);
    (plan ? sound : refused) += 1;
    if (plan) CHECK(check_plan(*plan).has_value());
  }
  CHECK(sound > 0);
  CHECK(refused > 0);
}

TEST_CASE("a plan lists what it requires of its reader, and a reader that does not know all of it refuses it by name") {
  const std::string feature = "bias-per-position", unknown = "bias-per-zodiacal";
  Plan plan = labelled_plan();
  const auto holds = [](const std::vector<std::uint8_t>& bytes, const std::string& text) {
    return std::search(bytes.begin(), bytes.end(), text.begin(), text.end());
  };
  const auto plain = to_bytes(plan);
  CHECK(holds(plain, feature) == plain.end());
  plan.network.layers[0].bias_per_position = true;
  auto bytes = to_bytes(plan);
  REQUIRE(plan_from_bytes(bytes));
  auto at = std::search(bytes.begin(), bytes.end(), feature.begin(), feature.end());
  REQUIRE(at != bytes.end());
  std::copy(unknown.begin(), unknown.end(), at);
  const auto refused = plan_from_bytes(bytes);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == protocol::Fault::usage);
  CHECK(refused.error().what.find("'bias-per-zodiacal'") != std::string::npos);
}

TEST_CASE("a plan that contradicts itself is refused with its layer") {
  const Plan plan = labelled_plan();
  const std::pair<std::function<void(Plan&)>, const char*> cases[] = {
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
      {[](Plan& p) { p.network.input_bits = 60; }, "input has 60 bits"},
      {[](Plan& p) { p.calibration.pop_back(); }, "calibrated range"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even[2] = std::nan(""); }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even[2] = 1e9; }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even.resize(6); }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even.resize(1); }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.even.clear(); }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.worst = -1; }, "polynomial"},
      {[](Plan& p) { p.network.layers[0].relu_fit.rms = INFINITY; }, "polynomial"},
      {[](Plan& p) { p.network.layers[2].relu_fit = p.network.layers[0].relu_fit; }, "polynomial"},
  };
  for (const auto& [change, word] : cases) {
    Plan other = plan;
    change(other);
    const auto ok = check_plan(other);
    CAPTURE(word);
    REQUIRE_FALSE(ok.has_value());
    CAPTURE(ok.error().what);
    CHECK(ok.error().what.find(word) != std::string::npos);
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
  CHECK(digest(*weights) == plan->weights_digest);
  CHECK(weights->scales == c.weights.scales);

  Plan other = *plan;
  other.weights_digest[0] ^= 1;
  const auto wrong = load_weights(folder / "m.weights", other);
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().what.find("are not those") != std::string::npos);

  auto bytes = file_bytes(folder / "m.weights");
  CHECK_FALSE(weights_from_bytes(std::span(bytes).first(bytes.size() / 2), *plan).has_value());
  bytes[bytes.size() / 2] ^= 4;
  CHECK_FALSE(weights_from_bytes(bytes, *plan).has_value());
  CHECK_FALSE(load_plan(folder / "none").has_value());
  CHECK_FALSE(add_plan(files, c.plan, folder / "no" / "folder").has_value());
}

TEST_CASE("an input is encoded at the plan's scale or refused; outputs are decoded") {
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

TEST_CASE("the report counts operations and adds up what the protocol declares") {
  const auto& blink = *protocol::find_protocol("blink");
  auto bound = blink.bind(compiled_mnist().plan.network);
  REQUIRE(bound);
  bound->costs = std::make_shared<LinearCosts>();
  const auto r = report(compiled_mnist().plan, *bound);
  REQUIRE(r.layers.size() == 3);
  CHECK(r.layers[0].macs == 28 * 28 * 25 * 8);
  CHECK(r.layers[0].kind == "convolution 5×5");
  CHECK(r.layers[0].max_comparisons == 14 * 14 * 8 * 3);
  CHECK(r.layers[0].relu_comparisons == 14 * 14 * 8);
  CHECK(r.layers[1].max_comparisons == 4 * 4 * 16 * 8);
  CHECK(r.layers[2].kind == "fully connected");
  CHECK(r.layers[2].relu_comparisons == 0);
  CHECK(r.layers[1].online.rounds == 2);
  CHECK(r.layers[1].rings.linear_bits == blink.rings(compiled_mnist().plan.network, 1).linear_bits);
  CHECK(r.online.rounds == 0 + 1 + 2 + 3);
  CHECK(r.online.server0_to_server1 == 60);
  CHECK(r.offline.client == 4);
  CHECK(r.comparisons == 14 * 14 * 8 * 4 + 4 * 4 * 16 * 9);
  CHECK(r.weights == 25 * 8 + 8 + 25 * 8 * 16 + 16 + 2560 + 10);
  CHECK(r.layers[0].free_headroom_bits == doctest::Approx(1).epsilon(0.01));
  CHECK(r.layers[1].relu_fit == compiled_mnist().plan.network.layers[1].relu_fit);
  CHECK(describe(protocol::ReluFit{{0.05, 0.8, -0.4}, 0.0625, 0.0123}) == "degree 4: worst 0.0625, rms 0.0123");
  CHECK(describe(r.layers[1].relu_fit).starts_with("degree 4: worst 0."));
  CHECK(describe(r.layers[2].relu_fit).empty());
}
