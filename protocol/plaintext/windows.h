#pragma once

#include "protocol/plaintext/conv2d.h"

namespace blindsight::protocol::plaintext {

/// Folds each window of a map into one value per channel: combine(acc, x) over the elements inside the map, from
/// `start`.
template <class Combine>
Values fold_windows(const tensor::Shape& in, const tensor::Window& w, std::span<const std::int64_t> x,
                    std::int64_t start, Combine combine) {
  const std::size_t height = w.out_height(in.height), width = w.out_width(in.width);
  Values out(height * width * in.channels, start);
  for (std::size_t oy = 0; oy < height; ++oy)
    for (std::size_t ox = 0; ox < width; ++ox)
      for (std::size_t wy = 0; wy < w.height; ++wy)
        for (std::size_t wx = 0; wx < w.width; ++wx) {
          // Unsigned wrap puts the rows and columns of the padding above the map's size.
          const std::size_t y = oy * w.stride_y + wy - w.pad_top, xx = ox * w.stride_x + wx - w.pad_left;
          if (y >= in.height || xx >= in.width) continue;
          std::int64_t* o = out.data() + (oy * width + ox) * in.channels;
          const std::int64_t* v = x.data() + (y * in.width + xx) * in.channels;
          for (std::size_t c = 0; c < in.channels; ++c) o[c] = combine(o[c], v[c]);
        }
  return out;
}

}  // namespace blindsight::protocol::plaintext
