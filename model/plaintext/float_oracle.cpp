#include "model/plaintext/float_oracle.h"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

#include <Eigen/Core>
#include <algorithm>
#include <limits>

namespace blindsight::model {
namespace {

using tensor::Shape;
using tensor::Window;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Positions gathered at a time: large enough for a good matrix product, small enough for the second-level cache.
constexpr std::size_t positions_per_block = 96;

/// The pixels below one output position, row, column, channel; zero outside the map.
void gather(const tensor::ConvShape& conv, const float* in, std::size_t position, float* patch) {
  const Window& w = conv.window;
  const std::size_t channels = conv.in.channels, out_width = conv.out().width;
  const auto y0 =
      // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): no map of a network is empty
      static_cast<std::ptrdiff_t>(position / out_width * w.stride_y) - static_cast<std::ptrdiff_t>(w.pad_top);
  const auto x0 =
      static_cast<std::ptrdiff_t>(position % out_width * w.stride_x) - static_cast<std::ptrdiff_t>(w.pad_left);
  const auto height = static_cast<std::ptrdiff_t>(conv.in.height), width = static_cast<std::ptrdiff_t>(conv.in.width);
  for (std::size_t dy = 0; dy < w.height; ++dy)
    for (std::size_t dx = 0; dx < w.width; ++dx, patch += channels) {
      const std::ptrdiff_t y = y0 + static_cast<std::ptrdiff_t>(dy), x = x0 + static_cast<std::ptrdiff_t>(dx);
      if (y < 0 || y >= height || x < 0 || x >= width)
        std::fill_n(patch, channels, 0.0F);
      else
        std::copy_n(in + static_cast<std::size_t>(y * width + x) * channels, channels, patch);
    }
}

std::vector<float> convolve(const FloatLayer& layer, std::span<const float> in) {
  const Shape out = layer.conv.out();
  const std::size_t positions = out.height * out.width, channels = out.channels;
  const std::size_t depth = layer.filter.size() / channels;
  std::vector<float> result(out.elements());
  const Eigen::Map<const RowMajor> filter(layer.filter.data(), static_cast<Eigen::Index>(depth),
                                          static_cast<Eigen::Index>(channels));
  const Eigen::Map<const RowMajor> bias(layer.bias.data(),
                                        layer.bias_per_position() ? static_cast<Eigen::Index>(positions) : 1,
                                        static_cast<Eigen::Index>(channels));
  tbb::parallel_for(tbb::blocked_range<std::size_t>(0, (positions + positions_per_block - 1) / positions_per_block),
                    [&](const auto& blocks) {
                      RowMajor patches(static_cast<Eigen::Index>(std::min(positions_per_block, positions)),
                                       static_cast<Eigen::Index>(depth));
                      for (std::size_t block = blocks.begin(); block < blocks.end(); ++block) {
                        const std::size_t first = block * positions_per_block,
                                          count = std::min(positions_per_block, positions - first);
                        for (std::size_t p = 0; p < count; ++p)
                          gather(layer.conv, in.data(), first + p, patches.data() + p * depth);
                        Eigen::Map<RowMajor> to(result.data() + first * channels, static_cast<Eigen::Index>(count),
                                                static_cast<Eigen::Index>(channels));
                        to.noalias() = patches.topRows(static_cast<Eigen::Index>(count)) * filter;
                        if (layer.bias_per_position())
                          to += bias.middleRows(static_cast<Eigen::Index>(first), static_cast<Eigen::Index>(count));
                        else
                          to.rowwise() += bias.row(0);
                      }
                    });
  return result;
}

/// Folds the elements of each window that lie inside the map, from `start`.
template <class Fold>
std::vector<float> fold_windows(const Shape& in, const Window& w, const std::vector<float>& data, float start,
                                Fold&& fold) {
  const Shape out{w.out_height(in.height), w.out_width(in.width), in.channels};
  std::vector<float> result(out.elements(), start);
  tbb::parallel_for(std::size_t{0}, out.height, [&](std::size_t y) {
    for (std::size_t x = 0; x < out.width; ++x) {
      float* to = result.data() + (y * out.width + x) * in.channels;
      for (std::size_t dy = 0; dy < w.height; ++dy)
        for (std::size_t dx = 0; dx < w.width; ++dx) {
          const std::size_t py = y * w.stride_y + dy, px = x * w.stride_x + dx;
          if (py < w.pad_top || py - w.pad_top >= in.height || px < w.pad_left || px - w.pad_left >= in.width) continue;
          const float* from = data.data() + ((py - w.pad_top) * in.width + px - w.pad_left) * in.channels;
          for (std::size_t c = 0; c < in.channels; ++c) to[c] = fold(to[c], from[c]);
        }
    }
  });
  return result;
}

Shape pooled(const Shape& in, const Window& w) {
  return {w.out_height(in.height), w.out_width(in.width), in.channels};
}

}  // namespace

FloatTrace run_float_layer(const FloatLayer& layer, std::span<const float> in,
                           const std::function<float(float)>& relu) {
  FloatTrace trace;
  trace.linear = convolve(layer, in);
  Shape shape = layer.conv.out();
  for (const Window& w : layer.max_pools) {
    trace.relu_input =
        fold_windows(shape, w, trace.relu_input.empty() ? trace.linear : trace.relu_input,
                     -std::numeric_limits<float>::infinity(), [](float a, float b) { return std::max(a, b); });
    shape = pooled(shape, w);
  }
  const auto before = trace.before_relu();
  trace.output.assign(before.begin(), before.end());
  if (layer.relu)
    for (float& v : trace.output) v = relu ? relu(v) : std::max(v, 0.0F);
  for (const Window& w : layer.average_pools) {
    trace.output = fold_windows(shape, w, trace.output, 0, [](float a, float b) { return a + b; });
    for (float& v : trace.output) v /= static_cast<float>(w.height * w.width);
    shape = pooled(shape, w);
  }
  return trace;
}

std::vector<float> run_float(const FloatNetwork& network, std::span<const float> image) {
  return run_float(network, image, [](std::size_t, const FloatTrace&) {});
}

}  // namespace blindsight::model
