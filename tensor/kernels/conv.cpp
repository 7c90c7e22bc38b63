#include "tensor/kernels/conv.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tensor/kernels/kernel_table.h"
#include "tensor/kernels/parallel.h"
#include "tensor/kernels/scratch.h"

namespace blindsight::tensor {
namespace {

constexpr std::size_t divide_up(std::size_t a, std::size_t b) {
  return (a + b - 1) / b;
}

template <class Word>
constexpr std::size_t panels(const ConvShape& shape) {
  return divide_up(shape.out_channels, panel_lanes<Word>);
}

template <class Word>
constexpr bool has_winograd = sizeof(Word) <= 8;

template <class Word>
const auto& conv_kernels() {
  if constexpr (sizeof(Word) == 4)
    return kernels().conv32;
  else if constexpr (sizeof(Word) == 8)
    return kernels().conv64;
  else
    return kernels().conv128;
}

template <class Word>
const WinogradKernels<Word>& winograd_kernels(ConvAlgorithm algorithm) {
  return algorithm == ConvAlgorithm::winograd4 ? conv_kernels<Word>().winograd4 : conv_kernels<Word>().winograd2;
}

constexpr std::size_t tile_outputs(ConvAlgorithm algorithm) {
  return algorithm == ConvAlgorithm::winograd4 ? 4 : 2;
}
constexpr std::size_t positions(ConvAlgorithm algorithm) {
  return algorithm == ConvAlgorithm::winograd4 ? 36 : 16;
}

/// With few outputs, lanes over a panel would work for nothing: lanes run over the inputs instead, and the filter is
/// laid out [out channel][kernel row][kernel column][in channel].
bool is_dot(const ConvShape& shape) {
  return shape.out_channels <= 8 && shape.window.width * shape.in.channels >= 64;
}

/// Direct: panels of [kernel row][kernel column][in channel][lane], or dot layout. Winograd: [position][panel][in
/// channel][lane].
template <class Word>
void prepare_direct(const ConvShape& shape, std::span<const Word> filter, Buffer<Word>& data) {
  const std::size_t depth = filter.size() / shape.out_channels, outs = shape.out_channels;
  if (is_dot(shape)) {
    data.resize(filter.size());
    for (std::size_t k = 0; k < depth; ++k)
      for (std::size_t j = 0; j < outs; ++j) data[j * depth + k] = filter[k * outs + j];
    return;
  }
  constexpr std::size_t width = panel_lanes<Word>;
  data.resize(prepared_words<Word>(shape, ConvAlgorithm::direct));
  in_parallel(Range(0, panels<Word>(shape)), [&](const Range& range) {
    for (std::size_t panel = range.begin(); panel < range.end(); ++panel) {
      const std::size_t first = panel * width, columns = std::min(width, outs - first);
      for (std::size_t k = 0; k < depth; ++k) {
        Word* row = data.data() + (panel * depth + k) * width;
        std::memcpy(row, filter.data() + k * outs + first, columns * sizeof(Word));
        std::fill(row + columns, row + width, Word{0});
      }
    }
  });
}

template <class Word>
void prepare_winograd(const ConvShape& shape, ConvAlgorithm algorithm, std::span<const Word> filter,
                      Buffer<Word>& data) {
  const std::size_t panel_words = shape.in.channels * panel_lanes<Word>, count = panels<Word>(shape);
  data.resize(prepared_words<Word>(shape, algorithm));
  const auto transform = winograd_kernels<Word>(algorithm).transform_filter;
  in_parallel(Range(0, count), [&](const Range& range) {
    for (std::size_t panel = range.begin(); panel < range.end(); ++panel)
      transform({filter.data(), shape.in.channels, shape.out_channels, panel * panel_lanes<Word>,
                 data.data() + panel * panel_words, count * panel_words});
  });
}

/// The rows that the output rows read, with their padding written out: [row][padded column][channel].
template <class Word>
void pad_rows(const ConvShape& shape, std::span<const Word> in, RowRange in_rows, std::size_t first_padded_row,
              std::size_t rows, Word* out) {
  const Window& window = shape.window;
  const std::size_t left = window.pad_left * shape.in.channels, middle = shape.in.row_elements(),
                    right = window.pad_right * shape.in.channels;
  in_parallel(Range(0, rows), [&](const Range& range) {
    for (std::size_t i = range.begin(); i < range.end(); ++i) {
      Word* row = out + i * (left + middle + right);
      // A row of the top padding wraps to a huge number.
      const std::size_t y = first_padded_row + i - window.pad_top;
      if (y >= in_rows.begin && y < in_rows.end) {
        std::fill_n(row, left, Word{0});
        std::memcpy(row + left, in.data() + (y - in_rows.begin) * middle, middle * sizeof(Word));
        std::fill_n(row + left + middle, right, Word{0});
      } else {
        std::fill_n(row, left + middle + right, Word{0});
      }
    }
  });
}

template <class Word>
void convolve_direct(const PreparedFilter<Word>& filter, std::span<const Word> in, RowRange in_rows, RowRange out_rows,
                     std::span<Word> out, bool accumulate) {
  const ConvShape& shape = filter.shape;
  const Window& window = shape.window;
  const Shape result = shape.out();
  const std::size_t channels = shape.in.channels, outs = shape.out_channels;
  const std::size_t first = out_rows.begin * window.stride_y,
                    rows = (out_rows.size() - 1) * window.stride_y + window.height;
  const std::size_t row_words = (window.pad_left + shape.in.width + window.pad_right) * channels;
  const bool inside = window.pad_left == 0 && window.pad_right == 0 && first >= window.pad_top &&
                      first - window.pad_top >= in_rows.begin && first - window.pad_top + rows <= in_rows.end;
  Scratch<Word> padded(inside ? 0 : rows * row_words);
  const Word* map = padded.data();
  if (inside)
    map = in.data() + (first - window.pad_top - in_rows.begin) * row_words;
  else
    pad_rows(shape, in, in_rows, first, rows, padded.data());

  const std::size_t depth = window.width * channels, all_depth = window.height * depth;
  const std::size_t column_step = window.stride_x * channels, row_step = window.stride_y * row_words;
  const auto& kernel = conv_kernels<Word>();
  if (is_dot(shape)) {
    in_parallel(Range2d(0, out_rows.size() * result.width, std::max<std::size_t>(1, 65536 / all_depth), 0, outs, 1),
                [&](const Range2d& range) {
                  for (std::size_t pixel = range.rows().begin(); pixel < range.rows().end(); ++pixel) {
                    const Word* corner = map + pixel / result.width * row_step + pixel % result.width * column_step;
                    for (std::size_t j = range.cols().begin(); j < range.cols().end(); ++j) {
                      Word sum = 0;
                      for (std::size_t y = 0; y < window.height; ++y)
                        sum +=
                            kernel.dot(corner + y * row_words, filter.data.data() + j * all_depth + y * depth, depth);
                      Word& to = out[pixel * outs + j];
                      to = accumulate ? static_cast<Word>(to + sum) : sum;
                    }
                  }
                });
    return;
  }
  in_parallel(Range2d(0, panels<Word>(shape), 1, 0, out_rows.size(), 1), [&](const Range2d& range) {
    for (std::size_t panel = range.rows().begin(); panel < range.rows().end(); ++panel) {
      const std::size_t channel = panel * panel_lanes<Word>;
      for (std::size_t y = range.cols().begin(); y < range.cols().end(); ++y)
        kernel.multiply({map + y * row_step, column_step, window.height, row_words, depth,
                         filter.data.data() + panel * all_depth * panel_lanes<Word>,
                         out.data() + y * result.row_elements() + channel, outs, result.width,
                         std::min(panel_lanes<Word>, outs - channel), accumulate});
    }
  });
}

/// Tiles whose transformed words are in memory at once, and which of two ways to share the work. Filters that some
/// cache holds: each core takes bands of tiles so small that everything but the filter stays in its own cache. Larger
/// filters come from memory, once per band: the cores share each band's positions, and bands are large.
struct Bands {
  std::size_t tiles;
  bool per_core;
};

template <class Word>
Bands choose_bands(std::size_t tiles, std::size_t tile_words, std::size_t filter_words) {
  constexpr std::size_t core_bytes = 1 << 20, filter_bytes = 4 << 20, shared_bytes = 16 << 20, low = 24, high = 48;
  const std::size_t tile_bytes = tile_words * sizeof(Word);
  if (filter_words * sizeof(Word) <= filter_bytes && tiles >= 2 * low) {
    const std::size_t most = std::max(low, core_bytes / tile_bytes);
    const std::size_t cores = threads_here();
    // As many bands for each core.
    const std::size_t bands = std::min(divide_up(divide_up(tiles, most), cores) * cores, divide_up(tiles, low));
    return {divide_up(tiles, bands), true};
  }
  const std::size_t most = std::max(high, shared_bytes / tile_bytes);
  return {divide_up(tiles, divide_up(tiles, most)), false};
}

/// Rows of transformed words, [tile][channel] at one position. A line more than the channels: rows a power of two apart
/// would share a few sets of the cache.
template <class Word>
struct WinogradRows {
  std::size_t v, m;
};

template <class Word>
WinogradRows<Word> winograd_rows(const ConvShape& shape) {
  constexpr std::size_t line = 64 / sizeof(Word);
  return {divide_up(shape.in.channels, line) * line + line, panels<Word>(shape) * panel_lanes<Word> + line};
}

template <class Word>
void convolve_winograd(const PreparedFilter<Word>& filter, std::span<const Word> in, RowRange in_rows,
                       RowRange out_rows, std::span<Word> out, bool accumulate) {
  const ConvShape& shape = filter.shape;
  const Shape result = shape.out();
  const std::size_t m = tile_outputs(filter.algorithm), places = positions(filter.algorithm);
  const std::size_t tiles_x = divide_up(result.width, m), tiles = divide_up(out_rows.size(), m) * tiles_x;
  const WinogradRows<Word> rows = winograd_rows<Word>(shape);
  const std::size_t v_stride = rows.v, m_stride = rows.m;  // a lambda may not take structured bindings everywhere
  const std::size_t panel_count = panels<Word>(shape), panel_words = shape.in.channels * panel_lanes<Word>;
  const Bands bands = choose_bands<Word>(tiles, places * (v_stride + m_stride), filter.data.size());
  const WinogradKernels<Word>& kernel = winograd_kernels<Word>(filter.algorithm);
  const auto multiply = conv_kernels<Word>().multiply;
  const Buffer<Word> zeros(shape.in.channels, Word{0});

  const auto band_of = [&](std::size_t band, Word* scratch) {
    const std::size_t begin = band * bands.tiles, end = std::min(tiles, begin + bands.tiles);
    WinogradTiles<Word> w{};
    w.in = in.data();
    w.in_row =
        static_cast<std::ptrdiff_t>(out_rows.begin) - static_cast<std::ptrdiff_t>(shape.window.pad_top + in_rows.begin);
    w.in_column = -static_cast<std::ptrdiff_t>(shape.window.pad_left);
    w.in_rows = in_rows.size();
    w.in_width = shape.in.width;
    w.in_channels = shape.in.channels;
    w.tiles_x = tiles_x;
    w.first_tile = w.tile_begin = begin;
    w.tile_end = end;
    w.zeros = zeros.data();
    w.v = scratch;
    w.v_stride = v_stride;
    w.v_position_stride = bands.tiles * v_stride;
    w.m = scratch + places * w.v_position_stride;
    w.m_stride = m_stride;
    w.m_position_stride = bands.tiles * m_stride;
    w.out = out.data();
    w.out_rows = out_rows.size();
    w.out_width = result.width;
    w.out_channels = shape.out_channels;
    w.channel_end = shape.out_channels;
    w.accumulate = accumulate;
    return w;
  };
  const auto multiply_panel = [&](const WinogradTiles<Word>& w, Word* products, std::size_t place, std::size_t panel) {
    multiply({w.v + place * w.v_position_stride, v_stride, 1, 0, shape.in.channels,
              filter.data.data() + (place * panel_count + panel) * panel_words,
              products + place * w.m_position_stride + panel * panel_lanes<Word>, m_stride, w.tile_end - w.tile_begin,
              panel_lanes<Word>, false});
  };

  const std::size_t scratch_words = places * bands.tiles * (v_stride + m_stride),
                    products_at = places * bands.tiles * v_stride;
  const std::size_t count = divide_up(tiles, bands.tiles);
  if (bands.per_core) {
    in_parallel(Range(0, count, 1), [&](const Range& range) {
      Scratch<Word> scratch(scratch_words);
      for (std::size_t band = range.begin(); band < range.end(); ++band) {
        const WinogradTiles<Word> w = band_of(band, scratch.data());
        kernel.transform_input(w);
        for (std::size_t place = 0; place < places; ++place)
          for (std::size_t panel = 0; panel < panel_count; ++panel)
            multiply_panel(w, scratch.data() + products_at, place, panel);
        kernel.transform_output(w);
      }
    });
    return;
  }
  Scratch<Word> scratch(scratch_words);
  for (std::size_t band = 0; band < count; ++band) {
    const WinogradTiles<Word> w = band_of(band, scratch.data());
    const auto over_tiles = [&](auto transform) {
      in_parallel(Range(w.tile_begin, w.tile_end, 1), [&, transform](const Range& range) {
        WinogradTiles<Word> some = w;
        some.tile_begin = range.begin();
        some.tile_end = range.end();
        transform(some);
      });
    };
    over_tiles(kernel.transform_input);
    in_parallel(Range2d(0, places, 1, 0, panel_count, 4), [&](const Range2d& range) {
      for (std::size_t place = range.rows().begin(); place < range.rows().end(); ++place)
        for (std::size_t panel = range.cols().begin(); panel < range.cols().end(); ++panel)
          multiply_panel(w, scratch.data() + products_at, place, panel);
    });
    over_tiles(kernel.transform_output);
  }
}

}  // namespace

std::string_view name(ConvAlgorithm algorithm) {
  switch (algorithm) {
    case ConvAlgorithm::winograd2:
      return "winograd2";
    case ConvAlgorithm::winograd4:
      return "winograd4";
    case ConvAlgorithm::direct:
      break;
  }
  return "direct";
}

bool supports(ConvAlgorithm algorithm, const ConvShape& shape) {
  const Window& w = shape.window;
  return algorithm == ConvAlgorithm::direct || (w.height == 3 && w.width == 3 && w.stride_y == 1 && w.stride_x == 1);
}

template <class Word>
std::size_t prepared_words(const ConvShape& shape, ConvAlgorithm algorithm) {
  if (algorithm != ConvAlgorithm::direct)
    return positions(algorithm) * panels<Word>(shape) * shape.in.channels * panel_lanes<Word>;
  if (is_dot(shape)) return shape.filter_elements();
  return panels<Word>(shape) * (shape.filter_elements() / shape.out_channels) * panel_lanes<Word>;
}

template <class Word>
std::size_t working_words(const ConvShape& shape, ConvAlgorithm algorithm, std::size_t out_rows) {
  const Window& w = shape.window;
  if (out_rows == 0) return 0;
  if (algorithm == ConvAlgorithm::direct)
    return ((out_rows - 1) * w.stride_y + w.height) * (w.pad_left + shape.in.width + w.pad_right) * shape.in.channels;
  const std::size_t m = tile_outputs(algorithm), tiles = divide_up(out_rows, m) * divide_up(shape.out().width, m);
  const auto rows = winograd_rows<Word>(shape);
  const std::size_t tile_words = positions(algorithm) * (rows.v + rows.m);
  const InnerLoops one_thread(false);
  return choose_bands<Word>(tiles, tile_words, prepared_words<Word>(shape, algorithm)).tiles * tile_words;
}

template <class Word>
PreparedFilter<Word> prepare_filter(const ConvShape& shape, ConvAlgorithm algorithm, std::span<const Word> filter) {
  if (!supports(algorithm, shape))
    throw std::invalid_argument("prepare_filter: " + std::string(name(algorithm)) +
                                " needs a 3x3 kernel with stride 1");
  if (!has_winograd<Word> && algorithm != ConvAlgorithm::direct)
    throw std::invalid_argument("prepare_filter: " + std::string(name(algorithm)) + " has words of 32 or 64 bits");
  if (filter.size() != shape.filter_elements() || filter.empty())
    throw std::invalid_argument("prepare_filter: the filter has " + std::to_string(filter.size()) +
                                " elements, its shape " + std::to_string(shape.filter_elements()));
  PreparedFilter<Word> prepared{shape, algorithm, {}};
  if constexpr (has_winograd<Word>)
    if (algorithm != ConvAlgorithm::direct) {
      prepare_winograd(shape, algorithm, filter, prepared.data);
      return prepared;
    }
  prepare_direct(shape, filter, prepared.data);
  return prepared;
}

template <class Word>
void convolve_rows(const PreparedFilter<Word>& filter, std::span<const Word> in, RowRange in_rows, RowRange out_rows,
                   std::span<Word> out, bool accumulate) {
  const ConvShape& shape = filter.shape;
  const Shape result = shape.out();
  const RowRange needed = input_rows(shape.window, out_rows, shape.in.height);
  if (out_rows.begin > out_rows.end || out_rows.end > result.height || in_rows.begin > in_rows.end ||
      in_rows.end > shape.in.height || in.size() != in_rows.size() * shape.in.row_elements() ||
      out.size() != out_rows.size() * result.row_elements() ||
      (needed.begin < needed.end && (needed.begin < in_rows.begin || needed.end > in_rows.end)))
    throw std::invalid_argument("convolve_rows: the rows given do not fit the filter's shape");
  if (out.empty()) return;
  if constexpr (has_winograd<Word>)
    if (filter.algorithm != ConvAlgorithm::direct)
      return convolve_winograd(filter, in, in_rows, out_rows, out, accumulate);
  convolve_direct(filter, in, in_rows, out_rows, out, accumulate);
}

template std::size_t prepared_words<Word32>(const ConvShape&, ConvAlgorithm);
template std::size_t prepared_words<Word64>(const ConvShape&, ConvAlgorithm);
template std::size_t prepared_words<Word128>(const ConvShape&, ConvAlgorithm);
template std::size_t working_words<Word32>(const ConvShape&, ConvAlgorithm, std::size_t);
template std::size_t working_words<Word64>(const ConvShape&, ConvAlgorithm, std::size_t);
template std::size_t working_words<Word128>(const ConvShape&, ConvAlgorithm, std::size_t);
template PreparedFilter<Word32> prepare_filter<Word32>(const ConvShape&, ConvAlgorithm, std::span<const Word32>);
template PreparedFilter<Word64> prepare_filter<Word64>(const ConvShape&, ConvAlgorithm, std::span<const Word64>);
template PreparedFilter<Word128> prepare_filter<Word128>(const ConvShape&, ConvAlgorithm, std::span<const Word128>);
template void convolve_rows<Word32>(const PreparedFilter<Word32>&, std::span<const Word32>, RowRange, RowRange,
                                    std::span<Word32>, bool);
template void convolve_rows<Word64>(const PreparedFilter<Word64>&, std::span<const Word64>, RowRange, RowRange,
                                    std::span<Word64>, bool);
template void convolve_rows<Word128>(const PreparedFilter<Word128>&, std::span<const Word128>, RowRange, RowRange,
                                     std::span<Word128>, bool);

}  // namespace blindsight::tensor
