#include "protocol/plaintext/conv2d.h"

#include <doctest/doctest.h>

#include <limits>

#include "tensor/kernels/naive/naive.h"
#include "tests/protocol/support/networks.h"

namespace blindsight::protocol::plaintext {
namespace {

using tensor::ConvAlgorithm;
using tensor::Word64;

/// X * W + bias by plain loops.
Values expected(const LayerSpec& l, const LayerWeights& w, const Values& x) {
  std::vector<Word64> filter(w.filter.begin(), w.filter.end()), in(x.begin(), x.end()), out(l.conv_out().elements());
  tensor::naive::convolve<Word64>(l.conv, filter, in, out);
  Values z(out.begin(), out.end());
  for (std::size_t i = 0; i < z.size(); ++i) z[i] += w.bias[l.bias_per_position ? i : i % l.conv.out_channels];
  return z;
}

TEST_CASE("a layer in the clear is X * W + bias, under every algorithm, with a bias for each channel or element") {
  std::mt19937_64 rng(1);
  for (const auto algorithm : {ConvAlgorithm::direct, ConvAlgorithm::winograd2, ConvAlgorithm::winograd4})
    for (const bool per_position : {false, true}) {
      CAPTURE(tensor::name(algorithm));
      LayerSpec l = testing::layer("a", {7, 6, 3}, 4, testing::same3, algorithm);
      l.bias_per_position = per_position;
      testing::Net net;
      testing::add(net, l, 500, rng);
      // Results of more than 32 bits, and of fewer than the 58 that winograd4 leaves of a word.
      LayerWeights w = net.weights[0];
      for (auto& v : w.filter) v *= 1 << 12;
      w.bias[0] = std::int64_t{1} << 55;
      w.bias[1] = -(std::int64_t{1} << 55);
      const auto x = testing::random_input(l.conv.in.elements(), 1 << 26, rng);
      CHECK(conv2d(prepare(l, w), x) == expected(l, w, x));
    }
}

TEST_CASE("the largest and the smallest weights keep their sign") {
  LayerSpec l = testing::layer("a", {1, 1, 2}, 1, {});
  LayerWeights w;
  w.filter = {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
  w.bias = {-5};
  CHECK(conv2d(prepare(l, w), Values{3, 0}) == Values{-3 * (std::int64_t{1} << 31) - 5});
  CHECK(conv2d(prepare(l, w), Values{0, -7}) == Values{-7 * ((std::int64_t{1} << 31) - 1) - 5});
}

}  // namespace
}  // namespace blindsight::protocol::plaintext
