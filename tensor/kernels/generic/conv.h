// Products and Winograd transforms; see kernel_table.h for what each is given. Included by each target after vectors.h.

// rows × 2 registers of sums stay in registers over the whole depth; each word of `a` is spread over a register once
// per row.
template <class Word, int rows>
void multiply_tile(const PanelProduct<Word>& p, const Word* a, const Word* panel, Word* c, std::size_t columns) {
  using V = Vector<Word>;
  V sums[rows][2] = {};
  const Word* b = panel;
  for (std::size_t s = 0; s < p.segments; ++s) {
    const Word* x = a + s * p.segment_stride;
    for (std::size_t k = 0; k < p.depth; ++k, ++x, b += panel_lanes<Word>) {
      const V b0 = load<V>(b), b1 = load<V>(b + lanes<Word>);
#pragma GCC unroll 16
      for (int r = 0; r < rows; ++r) {
        const V w = splat<V>(x[r * p.a_stride]);
        sums[r][0] += w * b0;
        sums[r][1] += w * b1;
      }
    }
  }
  if (columns >= 2 * lanes<Word>) {
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      Word* out = c + r * p.c_stride;
      store(out, p.accumulate ? sums[r][0] + load<V>(out) : sums[r][0]);
      store(out + lanes<Word>, p.accumulate ? sums[r][1] + load<V>(out + lanes<Word>) : sums[r][1]);
    }
  } else {
    Word row[2 * lanes<Word>];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      store(row, sums[r][0]);
      store(row + lanes<Word>, sums[r][1]);
      for (std::size_t j = 0; j < columns; ++j) {
        Word& out = c[r * p.c_stride + j];
        out = p.accumulate ? static_cast<Word>(out + row[j]) : row[j];
      }
    }
  }
}

template <class Word, int rows>
BLINDSIGHT_INLINE void multiply_tile_of(std::size_t count, const PanelProduct<Word>& p, const Word* a,
                                        const Word* panel, Word* c, std::size_t columns) {
  if constexpr (rows > 0) {
    if (count == rows)
      multiply_tile<Word, rows>(p, a, panel, c, columns);
    else
      multiply_tile_of<Word, rows - 1>(count, p, a, panel, c, columns);
  }
}

template <class Word>
void multiply(const PanelProduct<Word>& p) {
  constexpr std::size_t step = 2 * lanes<Word>;
  // Tiles of nearly equal height: 25 rows are 9 + 8 + 8, not 12 + 12 + 1, so that no tile is too low to hide latency.
  const std::size_t tiles = (p.rows + tile_rows - 1) / tile_rows;
  for (std::size_t t = 0, row = 0; t < tiles; ++t) {
    const std::size_t count = (p.rows - row + tiles - t - 1) / (tiles - t);
    for (std::size_t j = 0; j < p.columns; j += step)
      multiply_tile_of<Word, tile_rows>(count, p, p.a + row * p.a_stride, p.panel + j, p.c + row * p.c_stride + j,
                                        p.columns - j);
    row += count;
  }
}

template <class Word>
Word dot(const Word* a, const Word* b, std::size_t n) {
  using V = Vector<Word>;
  V sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 * lanes<Word> <= n; i += 4 * lanes<Word>)
    for (int j = 0; j < 4; ++j) sums[j] += load<V>(a + i + j * lanes<Word>) * load<V>(b + i + j * lanes<Word>);
  const V sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  Word out = 0;
  for (std::size_t j = 0; j < lanes<Word>; ++j) out += sum[j];
  for (; i < n; ++i) out += a[i] * b[i];
  return out;
}

// 1/3 in the ring: 3 · third = 1 mod 2^word.
template <class Word>
constexpr Word third = static_cast<Word>(~Word{0} / 3 * 2 + 1);

// Lavin and Gray, "Fast algorithms for convolutional neural networks" (2015), F(2×2, 3×3), with 2·G so that no half is
// needed.
struct Winograd2 {
  static constexpr int outputs = 2, points = 4, spent_bits = 2;

  template <class T>
  static BLINDSIGHT_INLINE void input(const T* d, T* t) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
  }
  template <class Word, class T>
  static BLINDSIGHT_INLINE void filter(const T* g, T* u) {
    const T ends = g[0] + g[2];
    u[0] = g[0] + g[0];
    u[1] = ends + g[1];
    u[2] = ends - g[1];
    u[3] = g[2] + g[2];
  }
  template <class T>
  static BLINDSIGHT_INLINE void output(const T* m, T* y) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
  }
};

// The same paper's F(4×4, 3×3), with 8·G: its rows [-4/3 -4/3 -4/3] and [1/3 2/3 4/3] use the ring's inverse of 3.
struct Winograd4 {
  static constexpr int outputs = 4, points = 6, spent_bits = 6;

  template <class T>
  static BLINDSIGHT_INLINE void input(const T* d, T* t) {
    const T even = d[4] - (d[2] << 2), odd = d[3] - (d[1] << 2);
    const T near = d[4] - d[2], far = (d[3] - d[1]) << 1;
    t[0] = ((d[0] - d[2]) << 2) + near;
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = near + far;
    t[4] = near - far;
    t[5] = ((d[1] - d[3]) << 2) + d[5] - d[3];
  }
  template <class Word, class T>
  static BLINDSIGHT_INLINE void filter(const T* g, T* u) {
    const T g0 = g[0] * third<Word>, g1 = g[1] * third<Word>, g2 = g[2] * third<Word>;
    const T ends = (g0 + g2) << 2, middle = g1 << 2, skewed = g0 + (g2 << 2), twice = g1 << 1;
    u[0] = g[0] << 1;
    u[1] = -(ends + middle);
    u[2] = middle - ends;
    u[3] = skewed + twice;
    u[4] = skewed - twice;
    u[5] = g[2] << 3;
  }
  template <class T>
  static BLINDSIGHT_INLINE void output(const T* m, T* y) {
    const T sum = m[1] + m[2], difference = m[1] - m[2], sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    y[0] = m[0] + sum + sum2;
    y[1] = difference + (difference2 << 1);
    y[2] = sum + (sum2 << 2);
    y[3] = difference + (difference2 << 3) + m[5];
  }
};

template <class Word, class Scheme>
void transform_filter(const WinogradFilter<Word>& f) {
  constexpr int points = Scheme::points;
  const std::size_t left = f.out_channels - f.first_channel;
  const std::size_t columns = left < panel_lanes<Word> ? left : panel_lanes<Word>;
  for (std::size_t i = 0; i < f.in_channels; ++i) {
    const Word* g = f.filter + i * f.out_channels + f.first_channel;
    Word* u = f.u + i * panel_lanes<Word>;
    for_lanes<Word>(0, columns, [&](auto kind, std::size_t j) {
      using T = decltype(kind);
      T rows[points][3], column[3], out[points];
      for (int x = 0; x < 3; ++x) {
        for (int y = 0; y < 3; ++y) column[y] = load<T>(g + (y * 3 + x) * f.in_channels * f.out_channels + j);
        Scheme::template filter<Word>(column, out);
        for (int y = 0; y < points; ++y) rows[y][x] = out[y];
      }
      for (int y = 0; y < points; ++y) {
        Scheme::template filter<Word>(rows[y], out);
        for (int x = 0; x < points; ++x) store(u + (y * points + x) * f.u_position_stride + j, out[x]);
      }
    });
    for (int position = 0; position < points * points; ++position)
      for (std::size_t j = columns; j < panel_lanes<Word>; ++j) u[position * f.u_position_stride + j] = 0;
  }
}

template <class Word, class Scheme>
void transform_input(const WinogradTiles<Word>& w) {
  constexpr int points = Scheme::points;
  for (std::size_t tile = w.tile_begin; tile < w.tile_end; ++tile) {
    const std::ptrdiff_t top = w.in_row + static_cast<std::ptrdiff_t>(tile / w.tiles_x * Scheme::outputs);
    const std::ptrdiff_t left = w.in_column + static_cast<std::ptrdiff_t>(tile % w.tiles_x * Scheme::outputs);
    // Pixels outside the map read the zeros: one text for the border and the inside.
    const Word* pixel[points][points];
    for (int y = 0; y < points; ++y)
      for (int x = 0; x < points; ++x) {
        const auto row = static_cast<std::size_t>(top + y), column = static_cast<std::size_t>(left + x);
        // A negative index is a huge unsigned one.
        pixel[y][x] =
            row < w.in_rows && column < w.in_width ? w.in + (row * w.in_width + column) * w.in_channels : w.zeros;
      }
    Word* v = w.v + (tile - w.first_tile) * w.v_stride;
    for_lanes<Word>(0, w.in_channels, [&](auto kind, std::size_t c) {
      using T = decltype(kind);
      T rows[points][points], column[points], out[points];
      for (int x = 0; x < points; ++x) {
        for (int y = 0; y < points; ++y) column[y] = load<T>(pixel[y][x] + c);
        Scheme::input(column, out);
        for (int y = 0; y < points; ++y) rows[y][x] = out[y];
      }
      for (int y = 0; y < points; ++y) {
        Scheme::input(rows[y], out);
        for (int x = 0; x < points; ++x) store(v + (y * points + x) * w.v_position_stride + c, out[x]);
      }
    });
  }
}

template <class Word, class Scheme>
void transform_output(const WinogradTiles<Word>& w) {
  constexpr int points = Scheme::points, outputs = Scheme::outputs;
  for (std::size_t tile = w.tile_begin; tile < w.tile_end; ++tile) {
    const std::size_t top = tile / w.tiles_x * outputs, left = tile % w.tiles_x * outputs;
    const int height = static_cast<int>(w.out_rows - top < outputs ? w.out_rows - top : outputs);
    const int width = static_cast<int>(w.out_width - left < outputs ? w.out_width - left : outputs);
    const Word* m = w.m + (tile - w.first_tile) * w.m_stride;
    Word* corner = w.out + (top * w.out_width + left) * w.out_channels;
    for_lanes<Word>(w.channel_begin, w.channel_end, [&](auto kind, std::size_t c) {
      using T = decltype(kind);
      T rows[outputs][points], column[points], out[outputs];
      for (int x = 0; x < points; ++x) {
        for (int y = 0; y < points; ++y) column[y] = load<T>(m + (y * points + x) * w.m_position_stride + c);
        Scheme::output(column, out);
        for (int y = 0; y < outputs; ++y) rows[y][x] = out[y];
      }
      for (int y = 0; y < height; ++y) {
        Scheme::output(rows[y], out);
        for (int x = 0; x < width; ++x) {
          Word* to =
              corner + (static_cast<std::size_t>(y) * w.out_width + static_cast<std::size_t>(x)) * w.out_channels + c;
          const T result = out[x] >> Scheme::spent_bits;
          store(to, w.accumulate ? static_cast<T>(result + load<T>(to)) : result);
        }
      }
    });
  }
}

template <class Word, class Scheme>
constexpr WinogradKernels<Word> winograd_kernels{transform_filter<Word, Scheme>, transform_input<Word, Scheme>,
                                                 transform_output<Word, Scheme>};
template <class Word>
constexpr ConvKernels<Word> conv_kernels{
    {multiply<Word>, dot<Word>}, winograd_kernels<Word, Winograd2>, winograd_kernels<Word, Winograd4>};
