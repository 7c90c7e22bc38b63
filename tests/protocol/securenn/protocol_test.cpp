#include "protocol/securenn/protocol.h"

#include <doctest/doctest.h>

#include "tests/protocol/support/networks.h"

namespace blindsight::protocol::securenn {
namespace {

TEST_CASE("SecureNN refuses ranges in which a truncation fails more often than once in 2^32") {
  NetworkSpec network;
  network.input = {4, 4, 2};
  LayerSpec l = testing::layer("wide", network.input, 3, testing::same3);
  l.fraction_bits = 14, l.activation_bits = 16, l.headroom_bits = 2;
  network.layers = {l};
  CHECK(protocol().check(network));
  network.layers[0].headroom_bits = 3;
  const auto refused = protocol().check(network);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("layer 'wide'") != std::string::npos);
  CHECK(refused.error().what.find("2^-31") != std::string::npos);
  network.layers[0].headroom_bits = 2;
  network.layers[0].fraction_bits = 0;
  CHECK_FALSE(protocol().check(network));
}

TEST_CASE("SecureNN refuses a map of more bands than a stream's name can tell apart") {
  NetworkSpec network;
  network.input = {70'000, 128, 1};
  LayerSpec l = testing::layer("endless", network.input, 512, {1, 1, 1, 1});
  l.average_pools = {{1, 128, 1, 128}};
  network.layers = {l, testing::layer("last", l.out(), 1, {70'000, 1, 1, 1})};
  const auto refused = protocol().check(network);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("layer 'endless'") != std::string::npos);
  CHECK(refused.error().what.find("bands") != std::string::npos);
}

}  // namespace
}  // namespace blindsight::protocol::securenn
