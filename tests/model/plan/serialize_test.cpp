#include "model/plan/plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "protocol/core/text.h"
#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

void check_refused(const protocol::Result<Weights>& weights, const std::string& word) {
  REQUIRE_FALSE(weights.has_value());
  CAPTURE(weights.error().what);
  CHECK(weights.error().what.find(word) != std::string::npos);
}

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
  CHECK(back->worst_calibrated == plan.worst_calibrated);
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
      [](Plan& p) { p.weights_commitment[31] ^= 1; },
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
      [](Plan& p) { p.worst_calibrated[2] *= 0.5; },
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

TEST_CASE("weights come back from their bytes whole, with their plan alone") {
  const Compiled& c = compiled_mnist();
  const auto bytes = to_bytes(c.weights);
  const auto back = weights_from_bytes(bytes, c.plan);
  REQUIRE_MESSAGE(back.has_value(), (back ? "" : back.error().what));
  CHECK(to_bytes(*back) == bytes);
  CHECK(back->scales == c.weights.scales);
  CHECK(back->nonce == c.weights.nonce);
  CHECK(commitment(*back) == c.plan.weights_commitment);

  Plan other = c.plan;
  other.weights_commitment[0] ^= 1;
  check_refused(weights_from_bytes(bytes, other), "are not those that the plan");
  other = c.plan;
  other.network.layers.pop_back();
  check_refused(weights_from_bytes(bytes, other), "have 3 layers, the plan has 2");
  other = c.plan;
  other.network.layers[1].bias_per_position = true;
  check_refused(weights_from_bytes(bytes, other), "another shape");
  check_refused(weights_from_bytes(std::span(bytes).first(bytes.size() / 2), c.plan), "damaged or cut short");
  Weights unscaled = c.weights;
  unscaled.scales[0] = 0;
  check_refused(weights_from_bytes(to_bytes(unscaled), c.plan), "impossible scale");
  auto hurt = bytes;
  hurt[hurt.size() / 2] ^= 4;
  CHECK_FALSE(weights_from_bytes(hurt, c.plan).has_value());
}

TEST_CASE("a plan or weights of another version of the format are refused by it, with what to do") {
  const Compiled& c = compiled_mnist();
  // The version is the first number of either.
  const auto of_version = [](std::vector<std::uint8_t> bytes, std::uint8_t version) {
    const auto at = std::find(bytes.begin() + 8, bytes.end(), std::uint8_t{3});
    REQUIRE(at != bytes.end());
    *at = version;
    return bytes;
  };
  const auto plan = [&](std::uint8_t version) { return plan_from_bytes(of_version(to_bytes(c.plan), version)); };
  CHECK(plan(3));
  CHECK(plan(2));
  REQUIRE_FALSE(plan(1));
  CHECK(plan(1).error().what.find("version 1, this program reads versions 2 and 3: compile the model again") !=
        std::string::npos);
  REQUIRE_FALSE(plan(4));
  CHECK(plan(4).error().what.find("install the release") != std::string::npos);
  const auto weights = [&](std::uint8_t version) {
    return weights_from_bytes(of_version(to_bytes(c.weights), version), c.plan);
  };
  CHECK(weights(3));
  check_refused(weights(2), "Make both again: blindsight model compile");
  check_refused(weights(4), "install the release");
}

TEST_CASE("a guess of the weights is not confirmed by the plan, nor do two plans tell that their weights are equal") {
  const Compiled& c = compiled_mnist();
  Weights again = c.weights;
  again.nonce = fresh_nonce();
  CHECK(again.nonce != c.weights.nonce);
  CHECK(commitment(again) != c.plan.weights_commitment);
  check_refused(weights_from_bytes(to_bytes(again), c.plan), "are not those that the plan");
  for (const std::size_t byte : {std::size_t{0}, again.nonce.size() - 1}) {
    Weights near = c.weights;
    near.nonce[byte] ^= 1;
    check_refused(weights_from_bytes(to_bytes(near), c.plan), "are not those that the plan");
  }
  // What a reader without the nonce can compute: under no nonce, or under one that anybody knows.
  Weights guess = c.weights;
  guess.nonce = {};
  CHECK(commitment(guess) != c.plan.weights_commitment);
  // No public byte is of the nonce.
  const auto bytes = to_bytes(c.plan);
  for (std::size_t i = 0; i + 8 <= c.weights.nonce.size(); ++i)
    CHECK(std::search(bytes.begin(), bytes.end(), c.weights.nonce.begin() + i, c.weights.nonce.begin() + i + 8) ==
          bytes.end());
}

TEST_CASE("a value that moves from one layer to the next, and a nonce, change the commitment, a scale does not") {
  Weights weights;
  weights.layers.resize(2);
  weights.layers[0].filter = {1, 2};
  weights.layers[1].filter = {3};
  weights.scales = {1, 1};
  const Digest before = commitment(weights);
  Weights scaled = weights;
  scaled.scales[0] = 2;
  CHECK(commitment(scaled) == before);
  Weights other = weights;
  other.nonce[7] = 1;
  CHECK(commitment(other) != before);
  weights.layers[0].filter = {1};
  weights.layers[1].filter = {2, 3};
  CHECK(commitment(weights) != before);
  weights.layers[0].filter = {1, 2};
  weights.layers[1].filter = {};
  weights.layers[1].bias = {3};
  CHECK(commitment(weights) != before);
}
