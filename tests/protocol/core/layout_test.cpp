#include "protocol/core/layout.h"

#include <doctest/doctest.h>

#include "tests/protocol/support/networks.h"

namespace blindsight::protocol {
namespace {

using tensor::RowRange;
using testing::layer, testing::pool2, testing::same3;

/// The layer, and one that reads it.
NetworkSpec followed(LayerSpec l) {
  NetworkSpec network;
  network.input = l.conv.in;
  network.layers = {l, layer("after", l.out(), 2, {})};
  return network;
}

std::string refusal(const NetworkSpec& network) {
  const auto ok = check_shapes(network);
  if (ok) return {};
  CHECK(ok.error().fault == Fault::usage);
  return ok.error().what;
}

TEST_CASE("bands: each has the rows that its output needs, halo rows among them") {
  LayerSpec l = layer("pooled", {20, 6, 3}, 4, same3);
  l.max_pools = {pool2};
  l.average_pools = {{3, 3, 1, 1}};
  const auto all = bands(followed(l), 0, 8);
  REQUIRE(all.size() == 2);
  // 20 rows, pooled to 10, averaged to 8: four rows of the output in each band.
  CHECK(all[0].out == RowRange{0, 4});
  CHECK(all[0].averaged == std::vector{RowRange{0, 4}});
  CHECK(all[0].relu == RowRange{0, 6});
  CHECK(all[0].max_pooled == std::vector{RowRange{0, 6}});
  CHECK(all[0].conv == RowRange{0, 12});
  CHECK(all[0].in == RowRange{0, 13});
  CHECK(all[1].out == RowRange{4, 8});
  CHECK(all[1].relu == RowRange{4, 10});
  CHECK(all[1].conv == RowRange{8, 20});
  CHECK(all[1].in == RowRange{7, 20});
}

TEST_CASE("bands take whole windows and whole patches, cover every row of the output once, and never have no rows") {
  for (const std::size_t height : {1, 2, 7, 24, 25})
    for (const std::size_t rows : {1, 2, 5, 100})
      for (const std::size_t unit : {1, 2, 4})
        for (const bool pooled : {false, true}) {
          CAPTURE(height);
          CAPTURE(rows);
          CAPTURE(unit);
          LayerSpec l = layer("a", {height, 6, 3}, 4, same3);
          if (pooled && height > 2) l.max_pools = {{3, 3, 3, 3}};
          const auto all = bands(followed(l), 0, rows, unit);
          std::size_t next = 0;
          for (std::size_t i = 0; i < all.size(); ++i) {
            CHECK(all[i].out.begin == next);
            CHECK(all[i].out.size() > 0);
            if (i + 1 < all.size()) CHECK(all[i].conv.size() % unit == 0);
            next = all[i].out.end;
          }
          CHECK(next == l.out().height);
        }
}

TEST_CASE("the last layer is one band, and strides whose product would wrap are laid out") {
  NetworkSpec network = followed(layer("a", {30, 6, 3}, 4, same3));
  CHECK(bands(network, 0, 4).size() == 8);
  network.layers.pop_back();
  const auto last = bands(network, 0, 4);
  REQUIRE(last.size() == 1);
  CHECK(last[0].out == RowRange{0, 30});

  LayerSpec steep = layer("steep", {16, 16, 4}, 8, {16, 16});
  steep.max_pools.assign(4, {1, 1, 65536, 65536});
  CHECK(bands(followed(steep), 0, 4).size() == 1);
}

TEST_CASE("values: the image, what each layer makes, and the output that has no map") {
  NetworkSpec network = followed(layer("a", {8, 6, 3}, 4, same3));
  network.layers[1].conv.in = {1, 1, 8 * 6 * 4};  // flattened
  const auto made = values(network, {bands(network, 0, 4), bands(network, 1, 4)}, 4);
  REQUIRE(made.size() == 3);
  CHECK(made[0].name == "input");
  CHECK(made[0].map_bytes == 8 * 6 * 3 * 4);
  REQUIRE(made[0].bands.size() == 1);
  CHECK(made[0].bands[0].makes == RowRange{0, 8});
  CHECK(made[1].name == "a");
  CHECK(made[1].map_bytes == 8 * 6 * 4 * 4);
  REQUIRE(made[1].bands.size() == 2);
  CHECK(made[1].bands[1].needs == RowRange{3, 8});
  CHECK(made[1].bands[1].makes == RowRange{4, 8});
  CHECK(made[2].map_bytes == 0);
  REQUIRE(made[2].bands.size() == 1);
  CHECK(made[2].bands[0].needs == RowRange{0, 8});
  CHECK(made[2].bands[0].makes == RowRange{0, 1});
}

TEST_CASE("shapes that do not follow one another, or that hold nothing, are refused with the layer's name") {
  const NetworkSpec good = followed(layer("a", {8, 6, 3}, 4, same3));
  CHECK(refusal(good).empty());
  const auto changed = [&](auto change) {
    NetworkSpec network = good;
    change(network);
    return refusal(network);
  };
  CHECK(changed([](NetworkSpec& n) { n.layers.clear(); }) == "the network has no layers");
  CHECK(changed([](NetworkSpec& n) { n.layers[1].conv.in.channels = 5; }) ==
        "layer 'after': reads 8x6x5 but the layer before makes 8x6x4");
  CHECK(changed([](NetworkSpec& n) {
          n.layers[1].conv.in = {6, 8, 4};
        }) == "layer 'after': reads 6x8x4 but the layer before makes 8x6x4");
  CHECK(changed([](NetworkSpec& n) { n.layers[1].conv.in = {1, 1, 192}; }).empty());
  CHECK(changed([](NetworkSpec& n) { n.layers[0].conv.out_channels = 0; }) == "layer 'a': has an empty map");
  CHECK(changed([](NetworkSpec& n) { n.layers[0].conv.window.stride_x = 0; }) ==
        "layer 'a': has a filter with a side or stride of 0");
  CHECK(changed([](NetworkSpec& n) { n.layers[0].conv.window.height = 40; }) ==
        "layer 'a': its window does not fit its input");
  for (const auto pools : {&LayerSpec::max_pools, &LayerSpec::average_pools}) {
    CHECK(changed([&](NetworkSpec& n) {
            n.layers[1].*pools = {{0, 2, 1, 1}};
          }) == "layer 'after': has a pool with a side or stride of 0");
    CHECK(changed([&](NetworkSpec& n) {
            n.layers[0].*pools = {{40, 1, 1, 1}};
          }) == "layer 'a': its window does not fit its input");
  }
  CHECK(changed([](NetworkSpec& n) { n.layers.resize(65535, n.layers[1]); }).find("more layers") != std::string::npos);
}

}  // namespace
}  // namespace blindsight::protocol
