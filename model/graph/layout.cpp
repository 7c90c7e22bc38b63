#include "model/graph/layout.h"

#include <algorithm>

namespace blindsight::model {

using tensor::Shape;

std::size_t size_of(Axis axis, const Shape& map) {
  return axis == Axis::row ? map.height : axis == Axis::column ? map.width : map.channels;
}

Layout::Layout(std::vector<Dimension> axes, const Shape& map) : dimensions_(std::move(axes)) {
  for (Dimension& d : dimensions_) std::erase_if(d, [&](Axis a) { return size_of(a, map) == 1; });
}

std::vector<std::int64_t> Layout::sizes(const Shape& map) const {
  std::vector<std::int64_t> all;
  for (const Dimension& d : dimensions_) {
    std::int64_t size = 1;
    for (const Axis a : d) size *= static_cast<std::int64_t>(size_of(a, map));
    all.push_back(size);
  }
  return all;
}

Layout::Dimension Layout::order() const {
  Dimension all;
  for (const Dimension& d : dimensions_) all.insert(all.end(), d.begin(), d.end());
  return all;
}

bool Layout::lies_as(const std::vector<Dimension>& axes) const {
  if (axes.size() != dimensions_.size()) return false;
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (!dimensions_[i].empty() && dimensions_[i] != axes[i]) return false;
  return true;
}

bool Layout::is_row() const {
  return !dimensions_.empty() &&
         std::all_of(dimensions_.begin(), dimensions_.end() - 1, [](const Dimension& d) { return d.empty(); });
}

std::optional<Layout> Layout::reshaped(const std::vector<std::int64_t>& sizes, const Shape& map) const {
  const Dimension axes = order();
  std::size_t next = 0;
  Layout out;
  for (const std::int64_t size : sizes) {
    Dimension d;
    std::int64_t filled = 1;
    while (filled < size && next < axes.size()) {
      d.push_back(axes[next]);
      filled *= static_cast<std::int64_t>(size_of(axes[next++], map));
    }
    if (filled != size) return std::nullopt;
    out.dimensions_.push_back(std::move(d));
  }
  if (next != axes.size()) return std::nullopt;
  return out;
}

Layout Layout::transposed(const std::vector<std::int64_t>& permutation) const {
  Layout out;
  for (const std::int64_t p : permutation) out.dimensions_.push_back(dimensions_[static_cast<std::size_t>(p)]);
  return out;
}

Layout Layout::flattened(std::size_t axis) const {
  Layout out;
  out.dimensions_.resize(2);
  for (std::size_t i = 0; i < rank(); ++i) {
    Dimension& to = out.dimensions_[i < axis ? 0 : 1];
    to.insert(to.end(), dimensions_[i].begin(), dimensions_[i].end());
  }
  return out;
}

Layout Layout::without(std::size_t i) const {
  Layout out = *this;
  out.dimensions_.erase(out.dimensions_.begin() + static_cast<std::ptrdiff_t>(i));
  return out;
}

Layout Layout::with_unit(std::size_t i) const {
  Layout out = *this;
  out.dimensions_.insert(out.dimensions_.begin() + static_cast<std::ptrdiff_t>(i), Dimension{});
  return out;
}

Layout Layout::of(const Shape& map) const {
  return {dimensions_, map};
}

Layout::Place Layout::place(const std::vector<std::size_t>& strides, const Shape& map) const {
  Place p;
  for (std::size_t i = 0; i < rank(); ++i) {
    std::size_t step = strides[i];
    for (auto a = dimensions_[i].rbegin(); a != dimensions_[i].rend(); ++a) {
      (*a == Axis::row ? p.row : *a == Axis::column ? p.column : p.channel) = step;
      step *= size_of(*a, map);
    }
  }
  return p;
}

Layout::Place Layout::place(const Shape& map) const {
  const auto sizes = this->sizes(map);
  std::vector<std::size_t> strides(rank(), 1);
  for (std::size_t i = rank(); i-- > 1;) strides[i - 1] = strides[i] * static_cast<std::size_t>(sizes[i]);
  return place(strides, map);
}

}  // namespace blindsight::model
