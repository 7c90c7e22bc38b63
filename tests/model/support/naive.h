#pragma once

#include <cstdint>
#include <vector>

namespace blindsight::model::test {

/// A batch-1 tensor in ONNX's own order (channel, row, column), and the operators as ONNX's text defines them, one loop
/// each: what the float oracle is compared with.
struct Map {
  std::size_t channels = 0, height = 0, width = 0;
  std::vector<double> values;
  double at(std::size_t c, std::ptrdiff_t y, std::ptrdiff_t x, double outside) const;
};

struct Slide {
  std::size_t kh, kw, sy = 1, sx = 1, top = 0, left = 0, bottom = 0, right = 0;
};

Map conv(const Map& in, const std::vector<float>& weights, std::size_t out, const std::vector<float>& bias,
         const Slide& s);
Map max_pool(const Map& in, const Slide& s);
Map average_pool(const Map& in, const Slide& s);
Map relu(Map in);
/// The map of an image in row, column, channel order.
Map from_image(const std::vector<float>& image, std::size_t height, std::size_t width, std::size_t channels);

}  // namespace blindsight::model::test
