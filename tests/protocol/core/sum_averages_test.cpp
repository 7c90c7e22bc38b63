#include "protocol/core/sum_averages.h"

#include <doctest/doctest.h>

#include "protocol/plaintext/avgpool.h"
#include "tests/protocol/support/networks.h"

namespace blindsight::protocol {
namespace {

TEST_CASE("the bands' window sums, pool after pool, are the sums over the whole map") {
  LayerSpec l = testing::layer("averaged", {14, 6, 2}, 3, testing::same3);
  l.average_pools = {{3, 3, 2, 2, 1, 1, 1, 1}, {2, 2, 1, 1}};
  NetworkSpec network;
  network.input = l.conv.in;
  network.layers = {l, testing::layer("after", l.out(), 1, {})};
  std::vector<std::int64_t> map(l.relu_shape().elements());
  for (std::size_t i = 0; i < map.size(); ++i) map[i] = static_cast<std::int64_t>(i * i % 101);
  const auto once = plaintext::sum_pool(l.relu_shape(), l.average_pools[0], map);
  const auto expected =
      plaintext::sum_pool(LayerSpec::after(l.relu_shape(), {l.average_pools[0]}), l.average_pools[1], once);

  const auto all = bands(network, 0, 6);
  CHECK(all.size() > 1);
  std::vector<std::int64_t> got;
  const auto row = static_cast<std::ptrdiff_t>(l.relu_shape().row_elements());
  for (const BandLayout& band : all) {
    const tensor::Buffer<tensor::Word32> rows(map.begin() + static_cast<std::ptrdiff_t>(band.relu.begin) * row,
                                              map.begin() + static_cast<std::ptrdiff_t>(band.relu.end) * row);
    for (const tensor::Word32 sum : sum_averages<tensor::Word32>(l, band, rows)) got.push_back(sum);
  }
  CHECK(got == expected);
}

}  // namespace
}  // namespace blindsight::protocol
