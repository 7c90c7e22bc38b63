#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/apps/support/small_models.h"
#include "tests/apps/support/three_processes.h"
#include "tests/support/text.h"

using namespace blindsight::tests;
using nlohmann::json;

TEST_CASE("predict tells each kind of output as what it is") {
  ThreeProcesses parties;
  parties.start_all();
  const auto path = [&](const std::string& name) { return (parties.folder() / name).string(); };
  write_images(path("calibration.idx3-ubyte"), small_images(40));
  auto images = small_images(1);
  for (auto& pixel : images[0]) pixel = 126;
  write_images(path("image.idx3-ubyte"), images);
  const auto deploy = [&](std::size_t outputs, const std::vector<std::string>& more) {
    write_small_model(path("m.onnx"), outputs);
    std::vector<std::string> all = {"model",
                                    "deploy",
                                    path("m.onnx"),
                                    "--calibration",
                                    path("calibration.idx3-ubyte"),
                                    "--config",
                                    parties.client_config().string()};
    all.insert(all.end(), more.begin(), more.end());
    Outcome outcome;
    for (int attempt = 0; attempt < 100 && outcome.status != 0; ++attempt) {
      outcome = run(all);
      if (outcome.status != 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
  };
  const auto answer = [&](const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {path("image.idx3-ubyte"), "--compare", path("m.onnx")};
    all.insert(all.end(), more.begin(), more.end());
    const auto outcome = parties.predict_until_ok(all);
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return outcome.out;
  };
  const auto logits = small_outputs(images[0], 3);  // -1.5, 18.5, 38.5
  REQUIRE(logits[0] == doctest::Approx(-1.5));

  SUBCASE("one logit: yes or no, with its probability and the threshold") {
    deploy(1, {"--output", "sigmoid", "--labels", "melanoma"});
    const auto text = answer();
    CHECK(contains(text, ": melanoma: no\n"));
    CHECK(contains(text, "above 50 %"));
    const auto json_answer = json::parse(answer({"--json"}));
    CHECK(json_answer.at("output") == "sigmoid");
    CHECK(json_answer.at("positive") == false);
    CHECK(json_answer.at("threshold") == 0.5);
    CHECK_FALSE(json_answer.contains("label"));
    REQUIRE(json_answer.at("probabilities").size() == 1);
    const double logit = json_answer.at("logits")[0];
    CHECK(logit == doctest::Approx(-1.5).epsilon(0.2));
    CHECK(json_answer.at("probabilities")[0].get<double>() ==
          doctest::Approx(1 / (1 + std::exp(-logit))).epsilon(0.01));
    deploy(1, {"--output", "sigmoid", "--threshold", "0.01"});
    CHECK(contains(answer(), ": yes\n"));
  }
  SUBCASE("several questions: those above the threshold") {
    deploy(3, {"--output", "independent", "--labels", "first,second,third"});
    CHECK(contains(answer(), ": second, third\n"));
    const auto json_answer = json::parse(answer({"--json"}));
    CHECK(json_answer.at("output") == "independent");
    CHECK(json_answer.at("above") == json({"second", "third"}));
    CHECK(json_answer.at("probabilities")[2].get<double>() > 0.99);
    CHECK_FALSE(json_answer.contains("label"));
  }
  SUBCASE("classes: the likeliest one") {
    deploy(3, {"--output", "softmax", "--labels", "first,second,third"});
    CHECK(contains(answer(), ": third\n"));
    CHECK(json::parse(answer({"--json"})).at("label") == "third");
  }
  SUBCASE("numbers: no label and no probability, and what to do if that is not meant") {
    deploy(1, {});
    const auto text = answer();
    CHECK_FALSE(contains(text, "%"));
    CHECK(contains(text, "one output, told as a number; compile with --output sigmoid"));
    const auto json_answer = json::parse(answer({"--json"}));
    CHECK(json_answer.at("output") == "none");
    CHECK_FALSE(json_answer.contains("probabilities"));
    CHECK_FALSE(json_answer.contains("label"));
    CHECK(json_answer.at("logits")[0].get<double>() == doctest::Approx(-1.5).epsilon(0.2));
  }
}

TEST_CASE("a timeline is never drawn over what predict was given") {
  const TemporaryFolder folder;
  const auto image = (folder / "image.idx3-ubyte").string(), config = (folder / "client.toml").string();
  write_images(image, small_images(1));
  const std::string addresses =
      "insecure_plaintext_links = true\nserver0 = \"127.0.0.1:1\"\nserver1 = \"127.0.0.1:2\"\ncrypto_producer = "
      "\"127.0.0.1:3\"\n";
  write_text(config, addresses);
  const auto before = read_text(image);
  for (const auto& file : {image, config}) {
    const auto outcome = run({"predict", image, "--config", config, "--timeline", file});
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, " itself: name another file with --timeline"));
  }
  CHECK(read_text(image) == before);
  CHECK(read_text(config) == addresses);
}

TEST_CASE("images: no image, another size, a wrong array") {
  ThreeProcesses parties;
  parties.start_all();
  const auto plan = parties.deploy_digits();
  const auto text_file = parties.folder() / "letter.png";
  write_text(text_file, "Dear Sir or Madam");
  const auto no_image = parties.predict({text_file.string()});
  CHECK(no_image.status == 2);
  CHECK(contains(no_image.err, "letter.png"));
  CHECK(no_image.out.empty());

  const auto missing = parties.predict({(parties.folder() / "gone.png").string()});
  CHECK(missing.status == 2);
  CHECK(contains(missing.err, "gone.png"));

  const auto array = parties.predict({(zoo / "images/skin_cancer_image.npy").string()});
  CHECK(array.status == 2);
  CHECK(contains(array.err, "200"));
  CHECK(contains(array.err, "28"));

  // An array is taken as it is: this one is beyond what the plan's input can be.
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 28, 28), }";
  header.resize(117, ' ');
  std::string far = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n';
  for (int i = 0; i < 28 * 28; ++i) far += std::string("\x00\x00\x7a\x47", 4);  // 64000
  write_text(parties.folder() / "far.npy", far);
  const auto outside = parties.predict({(parties.folder() / "far.npy").string()});
  CHECK(outside.status == 2);
  CHECK(contains(outside.err, "far.npy"));

  // 256×256 photos: resized, and said once for all of them.
  const auto resized = parties.predict({(zoo / "images/benign").string(), "--json"});
  CHECK(resized.status == 0);
  CHECK(contains(resized.err, "256×256"));
  CHECK(resized.err.find("resized") == resized.err.rfind("resized"));
}

TEST_CASE("a plan for another version of the model is refused, and the next query works") {
  ThreeProcesses parties;
  parties.start_all();
  parties.deploy_digits();
  const auto other = parties.folder() / "other.plan";
  REQUIRE(run({"model", "compile", (zoo / "mnist-8.onnx").string(), "--calibration",
               (zoo / "mnist-calibration.idx3-ubyte").string(), "--headroom-bits", "2", "-o", other.string()})
              .status == 0);
  const auto digits = (zoo / "mnist-100.idx3-ubyte").string();
  const auto outcome = parties.predict({digits, "--plan", other.string()});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "plan"));
  CHECK(parties.predict({digits}).status == 0);
}
