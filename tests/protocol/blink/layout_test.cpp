#include "protocol/blink/layout.h"

#include <doctest/doctest.h>

#include "tests/protocol/support/networks.h"

namespace blindsight::protocol::blink {
namespace {

using tensor::ConvAlgorithm;

/// The layer, and one that reads it.
NetworkSpec followed(LayerSpec l) {
  NetworkSpec network;
  network.input = l.conv.in;
  network.layers = {l, protocol::testing::layer("after", l.out(), 2, {})};
  return network;
}

std::size_t band_rows(std::size_t height, std::size_t width, std::size_t channels, ConvAlgorithm algorithm) {
  const auto all = bands(
      followed(protocol::testing::layer("a", {height, width, 3}, channels, protocol::testing::same3, algorithm)), 0);
  return all.front().conv.size();
}

TEST_CASE("bands of Blink: some 48 k elements or 48 patches, whichever is more, in whole patches") {
  CHECK(band_rows(200, 200, 64, ConvAlgorithm::winograd4) == 4);
  CHECK(band_rows(200, 100, 64, ConvAlgorithm::winograd4) == 8);
  CHECK(band_rows(200, 200, 64, ConvAlgorithm::winograd2) == 4);
  CHECK(band_rows(200, 210, 64, ConvAlgorithm::direct) == 4);
  CHECK(band_rows(200, 250, 64, ConvAlgorithm::direct) == 4);
  CHECK(band_rows(200, 260, 64, ConvAlgorithm::direct) == 3);
  // Deep maps: two patches a row, so 24 rows of patches.
  CHECK(band_rows(200, 8, 2048, ConvAlgorithm::winograd4) == 96);
  // Small maps are one band.
  CHECK(band_rows(25, 25, 512, ConvAlgorithm::winograd4) == 25);
}

TEST_CASE("bands take whole windows of the pools behind them") {
  LayerSpec l = protocol::testing::layer("a", {200, 200, 3}, 64, protocol::testing::same3, ConvAlgorithm::winograd4);
  l.max_pools = {{3, 3, 3, 3}};
  const auto all = bands(followed(l), 0);
  CHECK(all.front().conv.size() == 12);
  CHECK(all.front().out.size() == 4);
}

TEST_CASE("Blink keeps maps in words of 32 bits, in the bands of each layer") {
  const NetworkSpec network =
      followed(protocol::testing::layer("a", {200, 200, 3}, 64, protocol::testing::same3, ConvAlgorithm::winograd4));
  const auto made = values(network);
  REQUIRE(made.size() == 3);
  CHECK(made[0].map_bytes == 200 * 200 * 3 * 4);
  CHECK(made[1].map_bytes == 200 * 200 * 64 * 4);
  CHECK(made[1].bands.size() == 50);
  CHECK(made[2].bands.size() == 1);
}

}  // namespace
}  // namespace blindsight::protocol::blink
