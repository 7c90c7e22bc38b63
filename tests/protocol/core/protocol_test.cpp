#include "protocol/core/protocol.h"

#include <doctest/doctest.h>

namespace blindsight::protocol {
namespace {

/// Takes networks of one layer, and keeps what it was bound to.
class OneLayer final : public Protocol {
 public:
  OneLayer() : Protocol({.name = "one layer", .summary = "for a test"}) {}

  Rings rings(const NetworkSpec&, LayerId) const override { return {}; }
  Result<void> check_layer(const NetworkSpec&, LayerId) const override { return {}; }
  Result<void> check(const NetworkSpec& network, const Dealing& dealing) const override {
    checked = dealing;
    if (network.layers.size() != 1) return fail(Fault::usage, "not one layer");
    return {};
  }

  mutable Dealing checked, bound;
  mutable std::size_t binds = 0;

 private:
  Bound bound_to(const NetworkSpec&, const Dealing& dealing) const override {
    bound = dealing;
    ++binds;
    return {this, nullptr, nullptr, nullptr};
  }
};

TEST_CASE("a protocol binds to what it takes, and its check says why it does not") {
  const OneLayer protocol;
  const Dealing dealing{Dealing::Triples::fresh, Dealing::Randomness::sent};
  NetworkSpec network;
  const auto refused = protocol.bind(network, dealing);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == Error{Fault::usage, "not one layer"});
  CHECK(protocol.binds == 0);
  network.layers.resize(1);
  const auto bound = protocol.bind(network, dealing);
  REQUIRE(bound);
  CHECK(bound->protocol == &protocol);
  CHECK(protocol.checked == dealing);
  CHECK(protocol.bound == dealing);
}

}  // namespace
}  // namespace blindsight::protocol
