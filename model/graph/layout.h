#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tensor/shape.h"

namespace blindsight::model {

/// An axis of a map, whatever dimension of an ONNX tensor it lies in.
enum class Axis : std::uint8_t { row, column, channel };

/// How the elements of one map (tensor::Shape, for us always row, column, channel) lie in the tensor that an ONNX graph
/// sees: for each of its dimensions the axes in it, the slowest first. A dimension of size 1, the batch among them, has
/// none; axes of size 1 are in no dimension. So NCHW is {}, {channel}, {row}, {column}, and the same flattened {},
/// {channel, row, column}: what renames, moves or joins dimensions changes this text alone, and no value.
class Layout {
 public:
  using Dimension = std::vector<Axis>;

  Layout() = default;
  /// `axes` of size 1 in `map` are left out.
  Layout(std::vector<Dimension> axes, const tensor::Shape& map);

  std::size_t rank() const { return dimensions_.size(); }
  const Dimension& operator[](std::size_t i) const { return dimensions_[i]; }
  /// Of each dimension, in elements.
  std::vector<std::int64_t> sizes(const tensor::Shape& map) const;
  /// All axes, the slowest first.
  Dimension order() const;

  /// Batch, channels, rows, columns: what convolutions and pools read.
  bool is_nchw() const { return lies_as({{}, {Axis::channel}, {Axis::row}, {Axis::column}}); }
  bool is_nhwc() const { return lies_as({{}, {Axis::row}, {Axis::column}, {Axis::channel}}); }
  /// Whether no dimension but the last has any axis: one row of numbers.
  bool is_row() const;

  /// The same elements in the same order as dimensions of `sizes`, whose product is theirs; nothing when a dimension
  /// would begin or end in the middle of an axis.
  std::optional<Layout> reshaped(const std::vector<std::int64_t>& sizes, const tensor::Shape& map) const;
  /// Dimension i becomes what dimension permutation[i] was.
  Layout transposed(const std::vector<std::int64_t>& permutation) const;
  /// The first `axis` dimensions as one, the others as one.
  Layout flattened(std::size_t axis) const;
  /// Without dimension `i`.
  Layout without(std::size_t i) const;
  /// With a dimension of size 1 before dimension `i`.
  Layout with_unit(std::size_t i) const;
  /// Without axes that `map` has no more, whose dimensions then have size 1.
  Layout of(const tensor::Shape& map) const;

  /// Where element (row, column, channel) stands when dimension i advances by strides[i] a step: one term per axis.
  struct Place {
    std::size_t row = 0, column = 0, channel = 0;

    std::size_t at(std::size_t y, std::size_t x, std::size_t c) const { return y * row + x * column + c * channel; }
  };
  Place place(const std::vector<std::size_t>& strides, const tensor::Shape& map) const;
  /// The same in the tensor's own order, the last dimension fastest.
  Place place(const tensor::Shape& map) const;

 private:
  bool lies_as(const std::vector<Dimension>& axes) const;
  std::vector<Dimension> dimensions_;
};

std::size_t size_of(Axis axis, const tensor::Shape& map);

/// Calls visit(index, row, column, channel) for each element in our order, index counting up.
template <class Visit>
void for_each_element(const tensor::Shape& map, Visit&& visit) {
  std::size_t i = 0;
  for (std::size_t y = 0; y < map.height; ++y)
    for (std::size_t x = 0; x < map.width; ++x)
      for (std::size_t c = 0; c < map.channels; ++c) visit(i++, y, x, c);
}

}  // namespace blindsight::model
