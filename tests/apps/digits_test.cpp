#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/plaintext/fixed_oracle.h"
#include "model/plan/output.h"
#include "tests/apps/support/three_processes.h"

using namespace blindsight;
using namespace blindsight::tests;
using nlohmann::json;

namespace {

std::vector<json> lines(const std::string& text) {
  std::vector<json> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(json::parse(line));
  return all;
}

/// IDX: eight bytes of header, then one byte a label.
std::vector<unsigned> true_digits() {
  const auto bytes = read_text(zoo / "mnist-100.idx1-ubyte");
  std::vector<unsigned> digits;
  for (std::size_t i = 8; i < bytes.size(); ++i) digits.push_back(static_cast<unsigned char>(bytes[i]));
  return digits;
}

/// Best logit minus second best.
double margin(std::vector<double> logits) {
  std::sort(logits.rbegin(), logits.rend());
  return logits[0] - logits[1];
}

}  // namespace

TEST_CASE("a hundred digits through three processes: right, and equal to the oracle wherever it is certain") {
  ThreeProcesses parties;
  parties.start_all();
  const auto plan_file = parties.deploy_digits();
  const auto plan = model::load_plan(plan_file);
  REQUIRE(plan);
  const auto weights = model::load_weights(std::filesystem::path(plan_file).replace_extension(".weights"), *plan);
  REQUIRE(weights);
  const model::FixedOracle oracle(*plan, *weights);
  const auto file = (zoo / "mnist-100.idx3-ubyte").string();
  const auto images = model::load_images(file, plan->preprocessing);
  REQUIRE(images);
  const auto truth = true_digits();
  REQUIRE(images->size() == 100);
  REQUIRE(truth.size() == 100);

  const auto outcome = parties.predict({file, "--json", "--compare", (zoo / "mnist-8.onnx").string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto answers = lines(outcome.out);
  REQUIRE(answers.size() == 100);

  std::size_t right = 0, certain = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CAPTURE(i);
    const auto& answer = answers[i];
    const auto logits = answer.at("logits").get<std::vector<double>>();
    right += model::predicted(logits) == truth[i];
    const auto encoded = model::encode_input(*plan, (*images)[i].values);
    REQUIRE(encoded);
    const auto expected = model::decode_output(*plan, oracle.run(*encoded, model::Rounding::nearest).output);
    REQUIRE(logits.size() == expected.size());
    for (std::size_t k = 0; k < logits.size(); ++k)
      CHECK(std::abs(logits[k] - expected[k]) <= plan->stated_error + 1e-4);
    if (margin(expected) > plan->stated_error) {
      ++certain;
      CHECK(model::predicted(logits) == model::predicted(expected));
    }
  }
  CHECK(right >= 98);
  CHECK(certain >= 95);

  SUBCASE("each answer has the fields that scripts rely on") {
    for (const auto& answer : answers) {
      CHECK(answer.at("image").get<std::string>().starts_with(file + "#"));
      CHECK(answer.at("model") == "mnist-8.onnx");
      CHECK(answer.at("probabilities").size() == 10);
      double sum = 0;
      for (const double p : answer.at("probabilities")) sum += p;
      CHECK(sum == doctest::Approx(1).epsilon(0.001));
      CHECK(answer.at("output") == "softmax");
      CHECK(answer.at("label").is_string());
      CHECK(answer.at("online_s").get<double>() > 0);
      CHECK(answer.at("offline_s").get<double>() > 0);
      CHECK(answer.at("total_s").get<double>() ==
            doctest::Approx(answer.at("online_s").get<double>() + answer.at("offline_s").get<double>()));
      CHECK(answer.at("rounds").get<int>() > 0);
      for (const char* link :
           {"server0_to_server1", "server1_to_server0", "producer_to_server0", "producer_to_server1", "client"})
        CHECK(answer.at("bytes").at(link).get<std::uint64_t>() > 0);
      CHECK(answer.at("compare").at("logits").size() == 10);
      double largest = 0;
      for (std::size_t k = 0; k < 10; ++k)
        largest = std::max(largest, std::abs(answer.at("logits")[k].get<double>() -
                                             answer.at("compare").at("logits")[k].get<double>()));
      CHECK(answer.at("compare").at("max_abs_diff").get<double>() == doctest::Approx(largest).epsilon(0.001));
    }
  }
  SUBCASE("a party that is told to stop ends with status 0") {
    for (std::size_t i = 0; i < 3; ++i) {
      parties.party(i).kill(i == 0 ? 2 : 15);
      CHECK(parties.party(i).wait() == 0);
    }
  }
  SUBCASE("one image that fails does not stop the others") {
    const auto broken = parties.folder() / "broken.png";
    write_text(broken, "this is no picture");
    const auto mixed = parties.predict({broken.string(), file, "--json"});
    CHECK(mixed.status == 1);
    CHECK(lines(mixed.out).size() == 100);
    CHECK(mixed.err.find("broken.png") != std::string::npos);
  }
}
