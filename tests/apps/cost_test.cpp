#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/apps/support/three_processes.h"

using namespace blindsight::tests;
using nlohmann::json;

TEST_CASE("what inspect declares before any network is what a prediction measures, layer by layer, to the byte") {
  std::string protocol = "blink", triples = "reused", randomness = "seeded";
  SUBCASE("by a protocol whose producer deals ahead") {}
  SUBCASE("by a protocol whose producer helps online") {
    protocol = "securenn";
  }
  SUBCASE("by the same, with all that can be sent and nothing reused") {
    protocol = "securenn";
    triples = "fresh";
    randomness = "sent";
  }
  CAPTURE(protocol);
  CAPTURE(triples);
  ThreeProcesses parties("protocol = \"" + protocol + "\"\ntriples = \"" + triples + "\"\nrandomness = \"" +
                         randomness + "\"\n");
  parties.start_all();
  const auto plan = parties.deploy_digits();
  const auto inspected = run({"model", "inspect", plan.string(), "--json", "--protocol", protocol, "--triples", triples,
                              "--randomness", randomness});
  REQUIRE(inspected.status == 0);
  const auto declared = json::parse(inspected.out);
  const auto predicted = parties.predict({(zoo / "images/malignant/ISIC_0012258.jpg").string(), "--json"});
  INFO(predicted.err);
  REQUIRE(predicted.status == 0);
  const auto measured = json::parse(predicted.out);

  std::vector<json> declared_layers = {declared.at("input")};
  declared_layers[0]["name"] = "input";
  for (const auto& layer : declared.at("layers")) declared_layers.push_back(layer);
  const auto& layers = measured.at("layers");
  REQUIRE(declared_layers.size() == 4);
  REQUIRE(layers.size() == declared_layers.size());
  std::uint64_t rounds = 0;
  for (std::size_t i = 0; i < declared_layers.size(); ++i) {
    const auto& online = declared_layers[i].at("online");
    const auto& offline = declared_layers[i].at("offline");
    CAPTURE(declared_layers[i].at("name"));
    CHECK(layers[i].at("name") == declared_layers[i].at("name"));
    CHECK(layers[i].at("server0").at("sent_bytes") == online.at("server0_to_server1"));
    CHECK(layers[i].at("server1").at("sent_bytes") == online.at("server1_to_server0"));
    // Where the producer helps the client reports the declared rounds.
    if (protocol == "blink") CHECK(layers[i].at("rounds") == online.at("rounds"));
    CHECK(layers[i].at("server0").at("dealt_bytes") == offline.at("producer_to_server0"));
    CHECK(layers[i].at("server1").at("dealt_bytes") == offline.at("producer_to_server1"));
    CHECK(layers[i].at("server0").at("from_producer_bytes") == online.at("producer_to_server0"));
    CHECK(layers[i].at("server1").at("from_producer_bytes") == online.at("producer_to_server1"));
    CHECK(layers[i].at("server0").at("to_producer_bytes").get<std::uint64_t>() +
              layers[i].at("server1").at("to_producer_bytes").get<std::uint64_t>() ==
          online.at("server_to_producer"));
    rounds += layers[i].at("rounds").get<std::uint64_t>();
    for (const char* server : {"server0", "server1"}) {
      CHECK(layers[i].at(server).at("compute_s").get<double>() > 0);
      CHECK(layers[i].at(server).at("wait_s").get<double>() >= 0);
    }
  }
  const auto& bytes = measured.at("bytes");
  for (const char* link : {"server0_to_server1", "server1_to_server0", "client"})
    CHECK(bytes.at(link) == declared.at("online").at(link));
  for (const char* link : {"producer_to_server0", "producer_to_server1"})
    CHECK(bytes.at(link) == declared.at("offline").at(link));
  for (const char* link : {"producer_to_server0", "producer_to_server1"})
    CHECK(bytes.at(std::string("online_") + link) == declared.at("online").at(link));
  CHECK(bytes.at("server0_to_producer").get<std::uint64_t>() + bytes.at("server1_to_producer").get<std::uint64_t>() ==
        declared.at("online").at("server_to_producer"));
  if (protocol == "blink") CHECK(measured.at("rounds") == declared.at("online").at("rounds"));
  CHECK(measured.at("rounds") == rounds);
}
