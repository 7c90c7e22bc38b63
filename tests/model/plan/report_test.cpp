#include "model/plan/report.h"

#include <doctest/doctest.h>

#include <memory>
#include <utility>

#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

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

TEST_CASE("multiplications are those of the algorithm that the protocol runs") {
  Plan plan = compiled_mnist().plan;
  const auto multiplications = [&plan](const char* name) {
    const auto bound = protocol::find_protocol(name)->bind(plan.network);
    REQUIRE(bound);
    return report(plan, *bound).layers[0].multiplications;
  };
  plan.network.layers[0].conv.window = {3, 3, 1, 1, 1, 1, 1, 1};
  for (const auto& [algorithm, wanted] :
       // Products of a tile of 2×2 outputs and of one of 4×4, and tiles of a map of 28×28.
       {std::pair{tensor::ConvAlgorithm::direct, 28 * 28 * 9 * 8},
        {tensor::ConvAlgorithm::winograd2, 14 * 14 * 16 * 8},
        {tensor::ConvAlgorithm::winograd4, 7 * 7 * 36 * 8}}) {
    plan.network.layers[0].algorithm = algorithm;
    CHECK(multiplications("blink") == static_cast<std::uint64_t>(wanted));
  }
}
