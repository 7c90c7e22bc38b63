#include <algorithm>
#include <cmath>

#include "model/fault.h"
#include "model/passes/attributes.h"
#include "model/passes/operators.h"
#include "model/passes/window.h"

namespace blindsight::model::operators {

using protocol::Result;
using tensor::Shape;
using tensor::Window;

namespace {

/// One side of a pool over a map: where windows stand, and how much of each lies where.
struct Side {
  std::size_t in = 0, window = 1, stride = 1;
  std::size_t zeros_before = 0, zeros_after = 0;  ///< elements that a Pad before the pool has put there
  std::size_t pad_before = 0, pad_after = 0;      ///< the pool's own padding
  bool ceil = false;

  std::size_t map() const { return zeros_before + in + zeros_after; }

  /// Windows that the operator makes; 0: not even one fits. With ceil_mode the last one may begin as late as the last
  /// element, padding before it included, and ends beyond the padding after it.
  std::size_t out() const {
    const std::size_t padded = pad_before + map() + pad_after + (ceil ? stride - 1 : 0);
    if (padded < window) return 0;
    const std::size_t n = (padded - window) / stride + 1;
    return ceil && (n - 1) * stride >= map() + pad_before ? n - 1 : n;
  }
  /// Padding after the map, zeros of a Pad among it, so that tensor::Window makes as many windows: as the node says it
  /// where a window reaches beyond it, otherwise what the last window needs.
  std::size_t covering_pad() const {
    if (!ceil && zeros_after + pad_after < window) return zeros_after + pad_after;
    const std::size_t end = (out() - 1) * stride + window, before = pad_before + zeros_before + in;
    return end > before ? end - before : 0;
  }
  /// Elements of window `i` that [begin, end) of the padded map has.
  std::size_t inside(std::size_t i, std::size_t begin, std::size_t end) const {
    const std::size_t from = std::max(i * stride, begin), to = std::min(i * stride + window, end);
    return to > from ? to - from : 0;
  }
  /// What an average divides by.
  std::size_t counted(std::size_t i, bool include_padding) const {
    return include_padding ? inside(i, 0, pad_before + map() + pad_after) : inside(i, pad_before, pad_before + map());
  }
  bool counts_all(bool include_padding) const {
    for (std::size_t i = 0; i < out(); ++i)
      if (counted(i, include_padding) != window) return false;
    return true;
  }
  /// Whether every window sees an element of the map, or of the map alone without the zeros that a Pad put there.
  bool all_see(bool zeros_too) const {
    const std::size_t begin = pad_before + (zeros_too ? 0 : zeros_before), end = begin + (zeros_too ? map() : in);
    for (std::size_t i = 0; i < out(); ++i)
      if (inside(i, begin, end) == 0) return false;
    return true;
  }
};

struct Sides {
  Side y, x;

  bool all_see(bool zeros_too) const { return y.all_see(zeros_too) && x.all_see(zeros_too); }
};

/// The pool's window over the current map. Both: two dimensions that fit, each window sees the map.
Result<Sides> read_sides(Walk& walk, const Node& node) {
  if (auto ok = walk.must_be_nchw(node); !ok) return fail(ok.error().what);
  auto ceil = Attributes(node).integer("ceil_mode", 0);
  if (!ceil) return fail(ceil.error().what);
  auto a = read_window(walk, node, std::nullopt);
  if (!a) return fail(a.error().what);
  if (a->dilation_y != 1 || a->dilation_x != 1)
    return fail(describe(node) + " has dilations " + std::to_string(a->dilation_y) + "×" +
                std::to_string(a->dilation_x) + "; supported is 1");
  const Window& w = a->window;
  const Shape& map = walk.map();
  const Padding& p = walk.padding();
  Sides s{{map.height, w.height, w.stride_y, p.top, p.bottom, w.pad_top, w.pad_bottom, *ceil != 0},
          {map.width, w.width, w.stride_x, p.left, p.right, w.pad_left, w.pad_right, *ceil != 0}};
  auto auto_pad = Attributes(node).text("auto_pad", "NOTSET");
  if (!auto_pad) return fail(auto_pad.error().what);
  if (*auto_pad != "NOTSET") {
    // auto_pad says how many windows there are, whatever ceil_mode says; not every runtime agrees.
    Sides even = s;
    even.y.ceil = even.x.ceil = false;
    if (even.y.out() != s.y.out() || even.x.out() != s.x.out())
      return fail(describe(node) + " has auto_pad " + *auto_pad +
                  " and ceil_mode 1, which runtimes read differently: give its pads in numbers");
  }
  constexpr std::size_t most_cells = 1 << 20;
  if (w.height * w.width > most_cells)
    return fail(describe(node) + " has a window of " + std::to_string(w.height) + "×" + std::to_string(w.width) +
                "; supported are " + std::to_string(most_cells) + " elements");
  if (s.y.out() == 0 || s.x.out() == 0)
    return fail(describe(node) + ": its window of " + std::to_string(w.height) + "×" + std::to_string(w.width) +
                " does not fit into the map of " + std::to_string(s.y.map()) + "×" + std::to_string(s.x.map()) +
                " before it");
  if (w.pad_top >= w.height || w.pad_bottom >= w.height || w.pad_left >= w.width || w.pad_right >= w.width ||
      !s.all_see(true))
    return fail(describe(node) +
                " has as much padding as its window is wide: some windows would see nothing of the map");
  return s;
}

/// Over the map as it is, without what a Pad has put around it.
Window covering(const Sides& s) {
  Window w{s.y.window, s.x.window, s.y.stride, s.x.stride};
  w.pad_top = s.y.pad_before + s.y.zeros_before;
  w.pad_left = s.x.pad_before + s.x.zeros_before;
  w.pad_bottom = s.y.covering_pad();
  w.pad_right = s.x.covering_pad();
  return w;
}

Shape pooled(const Shape& map, const Window& w) {
  return {w.out_height(map.height), w.out_width(map.width), map.channels};
}

Result<void> whole(Walk& walk, const Node& node, bool maximum, bool rows, bool columns) {
  Window w;
  if (rows) w.height = walk.map().height;
  if (columns) w.width = walk.map().width;
  const Shape out = pooled(walk.map(), w);
  if (maximum) return walk.add(node, MaxPool{w}, out);
  return walk.add(node, AveragePool{w}, out);
}

}  // namespace

Result<void> max_pool(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only(
          {"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"});
      !ok)
    return ok;
  auto sides = read_sides(walk, node);
  if (!sides) return fail(sides.error().what);
  // A maximum leaves padding out of account. Zeros of a Pad it does not, but where nothing is below zero they are never
  // more than what a window sees beside them.
  if (walk.is_padded() && (!walk.is_nonnegative() || !sides->all_see(false))) {
    if (auto ok = walk.write_padding(); !ok) return ok;
    sides = read_sides(walk, node);
    if (!sides) return fail(sides.error().what);
  }
  Window w, taken;
  w = covering(*sides);
  walk.take_padding(taken);
  return walk.add(node, MaxPool{w}, pooled(walk.map(), w));
}

Result<void> average_pool(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only(
          {"auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"});
      !ok)
    return ok;
  auto include = Attributes(node).integer("count_include_pad", 0);
  if (!include) return fail(include.error().what);
  auto sides = read_sides(walk, node);
  if (!sides) return fail(sides.error().what);
  Window w = covering(*sides);
  const Padding zeros = walk.padding();
  Window taken;
  walk.take_padding(taken);
  const Shape out = pooled(walk.map(), w);
  if (w.pad_top >= w.height || w.pad_left >= w.width || w.pad_bottom >= w.height || w.pad_right >= w.width) {
    // Windows that see zeros of a Pad alone: a layer writes them.
    walk.pad(node, zeros);
    if (auto ok = walk.write_padding(); !ok) return ok;
    Sides s = *sides;
    s.y.in = s.y.map();
    s.x.in = s.x.map();
    s.y.zeros_before = s.y.zeros_after = s.x.zeros_before = s.x.zeros_after = 0;
    w = covering(s);
  }
  if (auto ok = walk.add(node, AveragePool{w}, out); !ok) return ok;
  // The layer divides by the window's size; where the operator divides by less, each position has a factor of its own.
  if (sides->y.counts_all(*include != 0) && sides->x.counts_all(*include != 0)) return {};
  const std::size_t all = w.height * w.width;
  Affine affine{std::vector<float>(out.elements(), 1), std::vector<float>(out.elements(), 0), true};
  for_each_element(out, [&](std::size_t i, std::size_t y, std::size_t x, std::size_t) {
    const std::size_t counted = sides->y.counted(y, *include != 0) * sides->x.counted(x, *include != 0);
    affine.scale[i] = static_cast<float>(static_cast<double>(all) / static_cast<double>(counted));
  });
  return walk.add(node, std::move(affine), out);
}

Result<void> global_pool(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only({}); !ok) return ok;
  if (auto ok = walk.must_be_nchw(node); !ok) return ok;
  return whole(walk, node, node.op == "GlobalMaxPool", true, true);
}

Result<void> reduce(Walk& walk, const Node& node) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"axes", "keepdims", "noop_with_empty_axes"}); !ok) return ok;
  auto keep = attributes.integer("keepdims", 1), no_operation = attributes.integer("noop_with_empty_axes", 0);
  auto listed = walk.integers(node, 1, "axes");
  if (!keep) return fail(keep.error().what);
  if (!no_operation) return fail(no_operation.error().what);
  if (!listed) return fail(listed.error().what);
  if (listed->empty() && *no_operation != 0) return {};
  const std::size_t rank = walk.layout().rank();
  if (listed->empty())
    for (std::size_t i = 0; i < rank; ++i) listed->push_back(static_cast<std::int64_t>(i));
  auto axes = positive_axes(node, *listed, rank);
  if (!axes) return fail(axes.error().what);
  bool rows = false, columns = false;
  for (const std::size_t i : *axes)
    for (const Axis a : walk.layout()[i]) {
      if (a == Axis::channel)
        return fail(describe(node) + " reduces the channels; supported is rows and columns of a map");
      (a == Axis::row ? rows : columns) = true;
    }
  const Layout before = walk.layout();
  if (auto ok = whole(walk, node, node.op == "ReduceMax", rows, columns); !ok) return ok;
  Layout layout = before.of(walk.map());
  if (*keep == 0)
    for (auto i = axes->rbegin(); i != axes->rend(); ++i) layout = layout.without(*i);
  walk.lay_out(std::move(layout));
  return {};
}

/// Zeros around the map go into the window that follows, or a layer of their own writes them.
Result<void> pad(Walk& walk, const Node& node) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"mode", "pads", "value"}); !ok) return ok;
  auto mode = attributes.text("mode", "constant");
  auto value = attributes.real("value", 0);
  auto pads = walk.integers(node, 1, "pads");
  auto listed = walk.integers(node, 3, "axes");
  if (!mode) return fail(mode.error().what);
  if (!value) return fail(value.error().what);
  if (!pads) return fail(pads.error().what);
  if (!listed) return fail(listed.error().what);
  if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
    auto values = walk.reals(node, 2, "value");
    if (!values) return fail(values.error().what);
    *value = (**values)[0];
  }
  const std::size_t rank = walk.layout().rank();
  if (node.inputs.size() <= 3 || node.inputs[3].empty()) {
    listed->clear();
    for (std::size_t i = 0; i < rank; ++i) listed->push_back(static_cast<std::int64_t>(i));
  }
  std::vector<std::size_t> axes;
  for (const std::int64_t a : *listed) {
    auto one = positive_axes(node, {a}, rank);
    if (!one) return fail(one.error().what);
    axes.push_back(one->front());
  }
  if (pads->size() != 2 * axes.size())
    return fail(describe(node) + " has " + std::to_string(pads->size()) + " pads for " + std::to_string(axes.size()) +
                " axes");
  constexpr std::int64_t most = 1 << 16;
  const bool nchw = walk.layout().is_nchw(), nhwc = walk.layout().is_nhwc();
  const std::size_t row = nchw ? 2 : 1, column = row + 1;
  Padding p;
  bool any = false;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t before = (*pads)[i], after = (*pads)[i + axes.size()];
    if (before == 0 && after == 0) continue;
    any = true;
    if (before < 0 || after < 0 || before > most || after > most)
      return fail(describe(node) + " has pads " + describe(*pads) + "; supported are 0 to " + std::to_string(most));
    if ((!nchw && !nhwc) || (axes[i] != row && axes[i] != column))
      return fail(describe(node) + " must pad height and width alone");
    (axes[i] == row ? p.top : p.left) = static_cast<std::size_t>(before);
    (axes[i] == row ? p.bottom : p.right) = static_cast<std::size_t>(after);
  }
  if (!any) return {};
  if (*mode != "constant" || *value != 0)
    return fail(describe(node) + " pads by mode " + in_quotes(*mode) + " with the value " + std::to_string(*value) +
                "; supported is the constant 0");
  walk.pad(node, p);
  // A map of one row or column lies along no axis yet.
  const bool grows =
      (walk.map().height == 1 && p.top + p.bottom > 0) || (walk.map().width == 1 && p.left + p.right > 0);
  if (!grows) return {};
  if (auto ok = walk.write_padding(); !ok) return ok;
  if (nchw)
    walk.lay_out({{{}, {Axis::channel}, {Axis::row}, {Axis::column}}, walk.map()});
  else
    walk.lay_out({{{}, {Axis::row}, {Axis::column}, {Axis::channel}}, walk.map()});
  return {};
}

}  // namespace blindsight::model::operators
