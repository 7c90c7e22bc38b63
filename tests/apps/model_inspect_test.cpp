#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/apps/support/three_processes.h"
#include "tests/support/text.h"

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

TEST_CASE("models: truncated, with an unknown ending, of another version, for another network") {
  const TemporaryFolder folder;
  const auto whole = read_text(zoo / "mnist-8.onnx");
  const auto cut = folder / "cut.onnx";
  for (const std::size_t length : {std::size_t{0}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
    CAPTURE(length);
    write_text(cut, whole.substr(0, length));
    const auto outcome = run({"model", "inspect", cut.string()});
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, "cut.onnx"));
    CHECK(outcome.out.empty());
  }
  const auto ending = run({"model", "inspect", (zoo / "README.md").string()});
  CHECK(ending.status == 2);
  CHECK(contains(ending.err, ".onnx"));

  const auto plan = compile_digits(folder.path());
  const auto bytes = read_text(plan);
  write_text(folder / "cut.plan", bytes.substr(0, bytes.size() / 2));
  const auto cut_plan = run({"model", "inspect", (folder / "cut.plan").string()});
  CHECK(cut_plan.status == 2);
  CHECK(contains(cut_plan.err, "cut.plan"));

  const auto no_calibration =
      run({"model", "check", (zoo / "mnist-8.onnx").string(), "--images", (zoo / "mnist-100.idx3-ubyte").string()});
  CHECK(no_calibration.status == 2);
  CHECK(contains(no_calibration.err, "--calibration"));

  const auto other = run({"model", "check", (zoo / "skin-vgg16-avgpool-v2-int8.onnx").string(), "--plan", plan.string(),
                          "--images", (zoo / "images").string()});
  CHECK(other.status == 2);
  CHECK(contains(other.err, "was not compiled from"));
}
