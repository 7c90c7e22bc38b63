#include "tensor/kernels/pool_windows.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tensor/kernels/kernel_table.h"

namespace blindsight::tensor {
namespace {

template <class Word>
void check(const char* what, const Shape& in, const Window& window, std::span<const Word> data, RowRange in_rows,
           RowRange out_rows, std::span<Word> out) {
  const RowRange needed = input_rows(window, out_rows, in.height);
  if (out_rows.begin > out_rows.end || out_rows.end > window.out_height(in.height) || in_rows.end > in.height ||
      in_rows.begin > in_rows.end || data.size() != in_rows.size() * in.row_elements() ||
      out.size() != out_rows.size() * window.out_width(in.width) * in.channels ||
      (needed.begin < needed.end && (needed.begin < in_rows.begin || needed.end > in_rows.end)))
    throw std::invalid_argument(std::string(what) + ": the rows given do not fit the window's output rows");
}

}  // namespace

template <class Word>
void gather_window(const Shape& in, const Window& window, std::size_t dy, std::size_t dx, std::span<const Word> data,
                   RowRange in_rows, RowRange out_rows, std::span<Word> out) {
  check("gather_window", in, window, data, in_rows, out_rows, out);
  if (dy >= window.height || dx >= window.width || std::max(window.pad_top, window.pad_bottom) >= window.height ||
      std::max(window.pad_left, window.pad_right) >= window.width)
    throw std::invalid_argument("gather_window: an offset outside the window, or padding as large as the window");
  const std::size_t out_width = window.out_width(in.width);
  // The nearest row or column of the same window that lies in the map: clamping at either border stays inside the
  // window, because a window that begins in the padding reaches the map's first element, and one that ends in it holds
  // the last.
  auto clamped = [](std::size_t at, std::size_t offset, std::size_t stride, std::size_t pad, std::size_t size) {
    const std::size_t padded = at * stride + offset;
    return padded < pad ? 0 : std::min(padded - pad, size - 1);
  };
  Word* to = out.data();
  for (std::size_t y = out_rows.begin; y < out_rows.end; ++y) {
    const std::size_t row = clamped(y, dy, window.stride_y, window.pad_top, in.height);
    const Word* from = data.data() + (row - in_rows.begin) * in.row_elements();
    for (std::size_t x = 0; x < out_width; ++x, to += in.channels)
      std::memcpy(to, from + clamped(x, dx, window.stride_x, window.pad_left, in.width) * in.channels,
                  in.channels * sizeof(Word));
  }
}

template <class Word>
void sum_windows(const Shape& in, const Window& window, std::span<const Word> data, RowRange in_rows, RowRange out_rows,
                 std::span<Word> out) {
  check("sum_windows", in, window, data, in_rows, out_rows, out);
  const std::size_t out_width = window.out_width(in.width);
  const auto add = [] {
    if constexpr (sizeof(Word) == 2)
      return kernels().select16.add;
    else if constexpr (sizeof(Word) == 4)
      return kernels().select32.add;
    else
      return +[](const Word* a, std::size_t n, Word* sum) {
        for (std::size_t i = 0; i < n; ++i) sum[i] += a[i];
      };
  }();
  std::fill(out.begin(), out.end(), Word{0});
  Word* to = out.data();
  for (std::size_t y = out_rows.begin; y < out_rows.end; ++y)
    for (std::size_t x = 0; x < out_width; ++x, to += in.channels)
      for (std::size_t dy = 0; dy < window.height; ++dy)
        for (std::size_t dx = 0; dx < window.width; ++dx) {
          // Padding above or left makes the index wrap: never below the size.
          const std::size_t row = y * window.stride_y + dy - window.pad_top,
                            column = x * window.stride_x + dx - window.pad_left;
          if (row < in.height && column < in.width)
            add(data.data() + ((row - in_rows.begin) * in.width + column) * in.channels, in.channels, to);
        }
}

template void gather_window<Word16>(const Shape&, const Window&, std::size_t, std::size_t, std::span<const Word16>,
                                    RowRange, RowRange, std::span<Word16>);
template void gather_window<Word32>(const Shape&, const Window&, std::size_t, std::size_t, std::span<const Word32>,
                                    RowRange, RowRange, std::span<Word32>);
template void gather_window<Word64>(const Shape&, const Window&, std::size_t, std::size_t, std::span<const Word64>,
                                    RowRange, RowRange, std::span<Word64>);
template void sum_windows<Word64>(const Shape&, const Window&, std::span<const Word64>, RowRange, RowRange,
                                  std::span<Word64>);
template void sum_windows<Word128>(const Shape&, const Window&, std::span<const Word128>, RowRange, RowRange,
                                   std::span<Word128>);
template void sum_windows<Word16>(const Shape&, const Window&, std::span<const Word16>, RowRange, RowRange,
                                  std::span<Word16>);
template void sum_windows<Word32>(const Shape&, const Window&, std::span<const Word32>, RowRange, RowRange,
                                  std::span<Word32>);

}  // namespace blindsight::tensor
