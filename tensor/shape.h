#pragma once

#include <cstddef>

namespace blindsight::tensor {

/// One image or activation map. Layout everywhere inside Blindsight: row, column, channel (NHWC without the N), so that
/// a band of rows is one contiguous range and `element index = (row * width + column) * channels + channel`.
struct Shape {
  std::size_t height = 1, width = 1, channels = 1;

  std::size_t row_elements() const { return width * channels; }
  std::size_t elements() const { return height * row_elements(); }
  bool operator==(const Shape&) const = default;
};

/// Geometry of a sliding window: a convolution's kernel or a pool. All in elements.
struct Window {
  std::size_t height = 1, width = 1;
  std::size_t stride_y = 1, stride_x = 1;
  std::size_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;

  /// Output height or width over an input of that size; rounds down as ONNX does by default. 0 when the window does not
  /// fit.
  std::size_t out_height(std::size_t in) const { return out(in + pad_top + pad_bottom, height, stride_y); }
  std::size_t out_width(std::size_t in) const { return out(in + pad_left + pad_right, width, stride_x); }
  bool operator==(const Window&) const = default;

 private:
  static std::size_t out(std::size_t padded, std::size_t window, std::size_t stride) {
    return padded < window ? 0 : (padded - window) / stride + 1;
  }
};

/// A convolution; a fully connected layer is one over a 1×1 map. Filters are laid out [kernel row][kernel column][in
/// channel][out channel].
struct ConvShape {
  Shape in;
  std::size_t out_channels = 1;
  Window window;

  Shape out() const { return {window.out_height(in.height), window.out_width(in.width), out_channels}; }
  std::size_t filter_elements() const { return window.height * window.width * in.channels * out_channels; }
  std::size_t macs() const { return out().height * out().width * filter_elements(); }
  bool operator==(const ConvShape&) const = default;
};

/// A half-open range of rows of a map.
struct RowRange {
  std::size_t begin = 0, end = 0;

  std::size_t size() const { return end - begin; }
  bool operator==(const RowRange&) const = default;
};

/// Rows of the window's input (of height `in_height`) that its output rows `out` read, padding left out.
inline RowRange input_rows(const Window& w, RowRange out, std::size_t in_height) {
  auto clip = [&](std::size_t padded) {
    return padded < w.pad_top ? 0 : (padded - w.pad_top < in_height ? padded - w.pad_top : in_height);
  };
  if (out.begin >= out.end) return {};
  return {clip(out.begin * w.stride_y), clip((out.end - 1) * w.stride_y + w.height)};
}

}  // namespace blindsight::tensor
