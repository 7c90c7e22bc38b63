#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/apps/support/three_processes.h"
#include "tests/support/xml.h"

using namespace blindsight;
using namespace blindsight::tests;

TEST_CASE("predict draws the timeline of a query, and only of one") {
  ThreeProcesses parties;
  parties.start_all();
  parties.deploy_digits();
  const auto image = (zoo / "images/malignant/ISIC_0012258.jpg").string();
  const auto file = parties.folder() / "query.svg";
  const auto outcome = parties.predict({image, "--json", "--timeline", file.string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto svg = read_text(file);
  CHECK(malformed(svg) == "");
  const auto layers = nlohmann::json::parse(outcome.out).at("layers");
  REQUIRE(layers.size() == 4);
  for (const auto& layer : layers) {
    const auto name = layer.at("name").get<std::string>();
    CHECK(contains(svg, ">" + name + "<"));
    for (const char* server : {"0", "1"}) CHECK(contains(svg, name + ", band 0, server " + server + ": computes "));
  }
  CHECK(contains(svg, "mnist-8.onnx"));

  const auto many = parties.predict({(zoo / "mnist-100.idx3-ubyte").string(), "--timeline", file.string()});
  CHECK(many.status == 2);
  CHECK(contains(many.err, "100"));
  CHECK(many.out.empty());
  const auto two = parties.predict({image, image, "--timeline", file.string()});
  CHECK(two.status == 2);
  CHECK(two.out.empty());
  const auto nowhere = parties.predict({image, "--timeline", (parties.folder() / "no/such/folder.svg").string()});
  CHECK(nowhere.status == 2);
  CHECK(contains(nowhere.err, "there is no folder"));
  CHECK(nowhere.out.empty());
  CHECK(read_text(file) == svg);
}
