#include "protocol/blink/relu.h"

#include <doctest/doctest.h>

#include "protocol/blink/lift.h"
#include "tests/protocol/blink/positive_part.h"
#include "tests/protocol/support/networks.h"

namespace blindsight::protocol::blink {
namespace {

using testing::check_positive_part;

TEST_CASE("ReLU with lift is exact for every value and every sharing") {
  for (const PartyId receiver : {PartyId::server0, PartyId::server1}) {
    check_positive_part(4, 4, 9, receiver);
    check_positive_part(9, 9, 14, receiver);
    check_positive_part(8, 10, 24, receiver);
    check_positive_part(8, 8, 32, receiver);
  }
}

TEST_CASE(
    "the costs in docs/protocols/blink.md: 18 bits each way and 79 dealt for ReLU with late lift, 77 dealt for max") {
  const std::size_t n = 4096;
  const CompareShape relu{n, 12, 12}, max{n, 13, 13};
  const LiftShape lift{n, 12, 24};
  CHECK((relu.online_bytes() + lift.online_bytes()) * 8 == 18 * n);
  CHECK((relu.correction_bytes() + lift.correction_bytes()) * 8 == 79 * n);
  CHECK(relu.rounds() + 1 == 4);
  CHECK(max.online_bytes() * 8 == 18 * n);
  CHECK(max.correction_bytes() * 8 == 77 * n);
  CHECK(max.rounds() == 3);
}

TEST_CASE("ReLU works on the rows behind the max pools, and multiplexes into the ring where windows are summed") {
  NetworkSpec network;
  network.input = {40, 8, 3};
  LayerSpec l = protocol::testing::layer("a", network.input, 4, protocol::testing::same3);
  l.max_pools = {protocol::testing::pool2};
  l.average_pools = {protocol::testing::pool2};
  network.layers = {l, protocol::testing::layer("after", l.out(), 2, {})};
  const BandLayout band = protocol::bands(network, 0, 8).at(1);
  const CompareShape shape = relu_shape(l, band, widths(network, 0));
  CHECK(shape.n == 4 * 4 * 4);  // 8 rows of 8x4, pooled
  CHECK(shape.width == 12);
  CHECK(shape.summed == 14);
}

}  // namespace
}  // namespace blindsight::protocol::blink
