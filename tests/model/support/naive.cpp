#include "tests/model/support/naive.h"

#include <algorithm>
#include <limits>

namespace blindsight::model::test {

double Map::at(std::size_t c, std::ptrdiff_t y, std::ptrdiff_t x, double outside) const {
  if (y < 0 || x < 0 || y >= static_cast<std::ptrdiff_t>(height) || x >= static_cast<std::ptrdiff_t>(width))
    return outside;
  return values[(c * height + static_cast<std::size_t>(y)) * width + static_cast<std::size_t>(x)];
}

namespace {
template <class Each>
Map slide(const Map& in, std::size_t channels, const Slide& s, Each&& each) {
  Map out{
      channels, (in.height + s.top + s.bottom - s.kh) / s.sy + 1, (in.width + s.left + s.right - s.kw) / s.sx + 1, {}};
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t y = 0; y < out.height; ++y)
      for (std::size_t x = 0; x < out.width; ++x)
        out.values.push_back(each(c, static_cast<std::ptrdiff_t>(y * s.sy) - static_cast<std::ptrdiff_t>(s.top),
                                  static_cast<std::ptrdiff_t>(x * s.sx) - static_cast<std::ptrdiff_t>(s.left)));
  return out;
}
}  // namespace

Map conv(const Map& in, const std::vector<float>& weights, std::size_t out, const std::vector<float>& bias,
         const Slide& s) {
  return slide(in, out, s, [&](std::size_t o, std::ptrdiff_t y, std::ptrdiff_t x) {
    double sum = bias[o];
    for (std::size_t i = 0; i < in.channels; ++i)
      for (std::size_t dy = 0; dy < s.kh; ++dy)
        for (std::size_t dx = 0; dx < s.kw; ++dx)
          sum += static_cast<double>(weights[((o * in.channels + i) * s.kh + dy) * s.kw + dx]) *
                 in.at(i, y + static_cast<std::ptrdiff_t>(dy), x + static_cast<std::ptrdiff_t>(dx), 0);
    return sum;
  });
}

Map max_pool(const Map& in, const Slide& s) {
  return slide(in, in.channels, s, [&](std::size_t c, std::ptrdiff_t y, std::ptrdiff_t x) {
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t dy = 0; dy < s.kh; ++dy)
      for (std::size_t dx = 0; dx < s.kw; ++dx)
        largest = std::max(largest, in.at(c, y + static_cast<std::ptrdiff_t>(dy), x + static_cast<std::ptrdiff_t>(dx),
                                          -std::numeric_limits<double>::infinity()));
    return largest;
  });
}

Map average_pool(const Map& in, const Slide& s) {
  return slide(in, in.channels, s, [&](std::size_t c, std::ptrdiff_t y, std::ptrdiff_t x) {
    double sum = 0;
    for (std::size_t dy = 0; dy < s.kh; ++dy)
      for (std::size_t dx = 0; dx < s.kw; ++dx)
        sum += in.at(c, y + static_cast<std::ptrdiff_t>(dy), x + static_cast<std::ptrdiff_t>(dx), 0);
    return sum / static_cast<double>(s.kh * s.kw);
  });
}

Map relu(Map in) {
  for (double& v : in.values) v = std::max(v, 0.0);
  return in;
}

Map from_image(const std::vector<float>& image, std::size_t height, std::size_t width, std::size_t channels) {
  Map map{channels, height, width, {}};
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t i = 0; i < height * width; ++i) map.values.push_back(image[i * channels + c]);
  return map;
}

}  // namespace blindsight::model::test
