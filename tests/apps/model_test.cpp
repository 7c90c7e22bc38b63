#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/apps/support/three_processes.h"

using namespace blindsight::tests;
using nlohmann::json;

TEST_CASE("inspect says the same in its table and in JSON, and admits when nothing was calibrated") {
  const auto model = (zoo / "mnist-8.onnx").string();
  const auto table = run({"model", "inspect", model});
  REQUIRE(table.status == 0);
  CHECK(table.out.find("not calibrated") != std::string::npos);
  const auto outcome = run({"model", "inspect", model, "--json"});
  REQUIRE(outcome.status == 0);
  const auto report = json::parse(outcome.out);
  REQUIRE(report.at("layers").size() == 3);
  CHECK(report.at("calibration_images") == 0);
  std::uint64_t macs = 0, online = report.at("online").at("server0_to_server1"), of_layers = 0;
  for (const auto& layer : report.at("layers")) {
    macs += layer.at("macs").get<std::uint64_t>();
    of_layers += layer.at("online").at("server0_to_server1").get<std::uint64_t>();
    CHECK(table.out.find(layer.at("name").get<std::string>()) != std::string::npos);
    CHECK_FALSE(layer.contains("free_headroom_bits"));
  }
  CHECK(report.at("macs") == macs);
  CHECK(macs == 28 * 28 * 25 * 8 + 14 * 14 * 25 * 8 * 16 + 256 * 10);
  for (const char* party : {"server0", "server1", "crypto_producer"}) {
    const auto& memory = report.at("memory").at(party);
    CHECK(memory.at("peak") > memory.at("deployment"));
    CHECK(table.out.find(std::string(party) + ": at most ") != std::string::npos);
  }
  CHECK(report.at("memory").at("server0").at("per_pack") > 0);
  CHECK(report.at("memory").at("crypto_producer").at("per_pack") == 0);
  // The rest is the input's.
  CHECK(online > of_layers);

  const auto calibrated =
      run({"model", "inspect", model, "--json", "--calibration", (zoo / "mnist-calibration.idx3-ubyte").string()});
  REQUIRE(calibrated.status == 0);
  CHECK(json::parse(calibrated.out).at("calibration_images") == 50);
  CHECK(json::parse(calibrated.out).at("layers")[0].at("free_headroom_bits").get<double>() > 0);
  CHECK(json::parse(calibrated.out).at("layers")[0].at("relu_fit").at("even").size() == 3);

  const auto rougher = run({"model", "inspect", model, "--json", "--relu-degree", "2", "--relu-fit", "uniform",
                            "--calibration", (zoo / "mnist-calibration.idx3-ubyte").string()});
  REQUIRE(rougher.status == 0);
  const auto fit = json::parse(rougher.out).at("layers")[1].at("relu_fit");
  CHECK(fit.at("degree") == 2);
  CHECK(fit.at("even")[0].get<double>() == doctest::Approx(3.0 / 32));
  CHECK(fit.at("worst").get<double>() == doctest::Approx(0.094));  // 0.09375, as a public plan rounds it
  const auto odd = run({"model", "inspect", model, "--relu-degree", "3", "--calibration",
                        (zoo / "mnist-calibration.idx3-ubyte").string()});
  CHECK(odd.status == 2);
  CHECK(odd.err.find("2, 4, 6 or 8") != std::string::npos);
}

TEST_CASE("compile keeps the weights from others") {
  const TemporaryFolder folder;
  const auto plan = compile_digits(folder.path());
  struct stat found {};
  REQUIRE(::stat((folder / "digits.weights").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
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
