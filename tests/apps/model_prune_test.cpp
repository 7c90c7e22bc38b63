#include <doctest/doctest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "model/onnx/export.h"
#include "tests/apps/support/three_processes.h"

using namespace blindsight::tests;
using nlohmann::json;

TEST_CASE("a pruned model is checked, and compiled with few bits of weights and a polynomial, like any other") {
  const TemporaryFolder folder;
  const auto malignant = (zoo / "images/malignant/ISIC_0012258.jpg").string(),
             benign = (zoo / "images/benign/ISIC_0012086.jpg").string(), pruned = (folder / "pruned.onnx").string();
  const auto outcome = run({"model", "prune", (zoo / "skin-vgg16-avgpool-v2-int8.onnx").string(), "--out", pruned,
                            "--fraction", "0.75", "--images", malignant, benign, "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto report = json::parse(outcome.out);
  REQUIRE(report.at("layers").size() == 14);
  CHECK(report.at("layers")[0].at("channels_before") == 64);
  CHECK(report.at("layers")[0].at("channels_after") == 16);
  CHECK(report.at("layers")[13].at("channels_after") == 2);
  CHECK(report.at("images") == 2);
  for (const char* side : {"before", "after"}) {
    CHECK(report.at(side).contains("accuracy"));
    CHECK(report.at(side).contains("auc"));
  }
  // Both ends of a convolution in the middle are a quarter as wide.
  const double left = report.at("after").at("macs").get<double>() / report.at("before").at("macs").get<double>();
  CHECK(left > 1.0 / 16);
  CHECK(left < 1.0 / 14);
  CHECK(report.at("after").at("parameters") < report.at("before").at("parameters"));

  const std::vector<std::string> how = {"--accept-few-images",
                                        "--calibration",
                                        malignant,
                                        benign,
                                        "--weight-bits",
                                        "10",
                                        "--relu-degree",
                                        "2",
                                        "--headroom-bits",
                                        "2"};
  auto with = [&](std::vector<std::string> first) {
    first.insert(first.end(), how.begin(), how.end());
    return run(first);
  };
  const auto inspected = with({"model", "inspect", pruned, "--protocol", "pond"});
  INFO(inspected.err);
  REQUIRE(inspected.status == 0);
  CHECK(inspected.out.find("degree 2: worst 0.") != std::string::npos);
  CHECK(with({"model", "inspect", pruned}).out.find("degree 2") == std::string::npos);

  const auto exact = with({"model", "check", pruned, "--images", malignant, "--json"}),
             polynomial = with({"model", "check", pruned, "--images", malignant, "--json", "--protocol", "pond"});
  INFO(exact.err, polynomial.err);
  REQUIRE(exact.status == 0);
  const double rounding = json::parse(last_line(exact.out)).at("ways").at("fixed point").at("max_abs_diff"),
               cost = json::parse(last_line(polynomial.out)).at("ways").at("fixed point").at("max_abs_diff");
  CHECK(rounding > 0);
  CHECK(cost > rounding);
}

TEST_CASE("prune refuses what it cannot do and leaves no file") {
  const TemporaryFolder folder;
  const auto out = (folder / "pruned.onnx").string(), model = (zoo / "mnist-8.onnx").string();
  for (const char* fraction : {"1", "-0.5", "2"}) {
    const auto outcome = run({"model", "prune", model, "--out", out, "--fraction", fraction});
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find("from 0 to below 1") != std::string::npos);
  }
  const auto outcome = run({"model", "prune", model, "--out", out, "--fraction", "0.5", "--first-layers-kept", "2"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("nothing to prune") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(out));
  const auto itself = run({"model", "prune", model, "--out", model, "--fraction", "0.5"});
  CHECK(itself.status == 2);
  CHECK(itself.err.find("the trained model itself") != std::string::npos);
  CHECK(
      run({"model", "prune", model, "--out", (folder / "no/such/folder.onnx").string(), "--fraction", "0.5"}).status ==
      2);
}

TEST_CASE("what prune writes is its owner's alone, and what it prints can be shown") {
  const TemporaryFolder folder;
  blindsight::model::FloatNetwork network;
  network.name = "two";
  network.input = {1, 1, 4};
  const std::string name = "evil\x1b[2J\xff\xe2\x80\xae";
  for (const std::size_t outputs : {4, 2}) {
    blindsight::model::FloatLayer layer;
    layer.name = name;
    layer.conv = {{1, 1, 4}, outputs, {}};
    layer.filter.assign(4 * outputs, 1);
    layer.bias.assign(outputs, 0);
    layer.relu = outputs == 4;
    network.layers.push_back(layer);
  }
  const auto model = folder / "two.onnx", out = folder / "pruned.onnx";
  REQUIRE(blindsight::model::export_onnx(network, model).has_value());
  const std::vector<std::string> prune = {"model", "prune", model.string(), "--fraction", "0.5", "--out", out.string()};
  const auto table = run(prune);
  CAPTURE(table.err);
  REQUIRE(table.status == 0);
  CHECK(table.out.find("evil?[2J") != std::string::npos);
  CHECK(table.out.find('\x1b') == std::string::npos);
  CHECK(table.out.find("\xe2\x80\xae") == std::string::npos);
  struct stat info {};
  REQUIRE(::stat(out.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  auto as_json = prune;
  as_json.emplace_back("--json");
  const auto outcome = run(as_json);
  REQUIRE(outcome.status == 0);
  CHECK(json::parse(outcome.out).at("layers").size() == 2);
}

TEST_CASE("prune tells before its work where it cannot write, and never writes over the trained model") {
  const TemporaryFolder folder;
  const auto model = folder / "digits.onnx";
  std::filesystem::copy_file(zoo / "mnist-8.onnx", model);
  std::filesystem::create_symlink(model, folder / "link.onnx");
  const auto prune = [&](const std::filesystem::path& out, const char* fraction) {
    return run({"model", "prune", model.string(), "--out", out.string(), "--fraction", fraction});
  };
  for (const auto& same : {model, folder / "link.onnx"}) {
    const auto outcome = prune(same, "0.5");
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find("is the trained model itself") != std::string::npos);
  }
  CHECK(read_text(model) == read_text(zoo / "mnist-8.onnx"));
  const auto nowhere = prune(folder / "none" / "pruned.onnx", "0.5");
  CHECK(nowhere.status == 2);
  CHECK(nowhere.err.find("cannot write the pruned model") != std::string::npos);

  const auto out = folder / "pruned.onnx";
  write_text(out, "an older file");
  const auto some = prune(out, "0.5");
  CHECK(some.status == 0);
  CHECK(some.out.find("nothing was removed") == std::string::npos);
  CHECK(run({"model", "inspect", out.string()}).status == 0);
  CHECK_FALSE(std::filesystem::exists(out.string() + ".part"));
  const auto none = prune(out, "0.01");
  CHECK(none.status == 0);
  CHECK(none.out.find("nothing was removed: no layer has enough channels for --fraction 0.01") != std::string::npos);
}
