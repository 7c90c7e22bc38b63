#include "model/fault.h"
#include "model/passes/attributes.h"
#include "model/passes/operators.h"
#include "model/passes/window.h"

namespace blindsight::model::operators {

using protocol::Result;
using tensor::Shape;
using tensor::Window;

namespace {

constexpr std::size_t largest_filter = std::size_t{1} << 28, largest_window = 1 << 16;

/// Values broadcast to one for each of `out` outputs, times `factor`: as many, or one for all. `dims` must not reach
/// beyond the outputs' axis, which is the last.
Result<std::vector<float>> output_bias(const Node& node, const Constant& constant, std::size_t out, float factor) {
  const auto& values = std::get<std::vector<float>>(constant.values);
  const auto& dims = constant.dims;
  const bool leading_ones = dims.size() <= 2 && (dims.size() < 2 || dims[0] == 1) && (dims.empty() || dims.back() != 0);
  if (!leading_ones || (values.size() != out && values.size() != 1))
    return fail(describe(node) + ": a bias of shape " + describe(dims) + " cannot be broadcast to 1×" +
                std::to_string(out));
  std::vector<float> bias(out);
  for (std::size_t o = 0; o < out; ++o) bias[o] = factor * values[values.size() == 1 ? 0 : o];
  return bias;
}

/// Element [i][o] of a matrix of weights.
struct Matrix {
  const std::vector<float>& values;
  std::size_t in, out, row, column;
  float factor = 1;

  float at(std::size_t i, std::size_t o) const { return factor * values[i * row + o * column]; }
};

/// A fully connected layer over the current value, which is one row of numbers in its layout's order.
Result<void> fully_connected(Walk& walk, const Node& node, const Matrix& m, std::vector<float> bias) {
  const Shape map = walk.map();
  if (m.in != map.elements())
    return fail(describe(node) + " has weights for " + std::to_string(m.in) + " inputs; there are " +
                std::to_string(map.elements()));
  if (m.out > largest_filter / m.in) return fail(describe(node) + " has too many outputs");
  const Shape out{1, 1, m.out};
  // Batch, and what else has size 1, stays in front.
  std::vector<Layout::Dimension> dimensions(walk.layout().rank());
  dimensions.back() = {Axis::channel};
  Linear linear{{{1, 1, m.in}, m.out, {}}, std::vector<float>(m.in * m.out), std::move(bias), map};
  const Layout::Place place = walk.layout().place(map);
  for_each_element(map, [&](std::size_t i, std::size_t y, std::size_t x, std::size_t c) {
    const std::size_t from = place.at(y, x, c);
    for (std::size_t o = 0; o < m.out; ++o) linear.filter[i * m.out + o] = m.at(from, o);
  });
  if (auto ok = walk.add(node, std::move(linear), out); !ok) return ok;
  walk.lay_out({std::move(dimensions), out});
  return {};
}

/// The last dimension alone is multiplied, at each position of the map: a convolution of one element.
Result<void> at_each_position(Walk& walk, const Node& node, const Matrix& m, std::vector<float> bias) {
  const Shape map = walk.map();
  if (m.in != map.channels)
    return fail(describe(node) + " has weights for " + std::to_string(m.in) + " channels; there are " +
                std::to_string(map.channels));
  if (m.out > largest_filter / m.in) return fail(describe(node) + " has too many outputs");
  Linear linear{{map, m.out, {}}, std::vector<float>(m.in * m.out), std::move(bias), std::nullopt};
  for (std::size_t i = 0; i < m.in; ++i)
    for (std::size_t o = 0; o < m.out; ++o) linear.filter[i * m.out + o] = m.at(i, o);
  std::vector<Layout::Dimension> dimensions;
  for (std::size_t i = 0; i + 1 < walk.layout().rank(); ++i) dimensions.push_back(walk.layout()[i]);
  dimensions.push_back({Axis::channel});
  const Shape out = linear.conv.out();
  if (auto ok = walk.add(node, std::move(linear), out); !ok) return ok;
  walk.lay_out({std::move(dimensions), out});
  return {};
}

Result<void> multiply(Walk& walk, const Node& node, const Matrix& m, std::vector<float> bias) {
  if (walk.layout().is_row()) return fully_connected(walk, node, m, std::move(bias));
  const auto& last = walk.layout()[walk.layout().rank() - 1];
  if (last == Layout::Dimension{Axis::channel} || (last.empty() && walk.map().channels == 1))
    return at_each_position(walk, node, m, std::move(bias));
  return fail(describe(node) + " reads a value of " + describe(walk.sizes()) +
              "; supported is one row of numbers (put a Flatten before it), or channels last");
}

/// The filter with zeros between its elements: [kernel row][kernel column][in][out], as a wider window has it.
std::vector<float> spread(const std::vector<float>& weights, std::size_t out, std::size_t in, const Window& w,
                          const WindowAttributes& a) {
  const std::size_t kh = a.window.height, kw = a.window.width;
  std::vector<float> filter(w.height * w.width * in * out);
  for (std::size_t o = 0; o < out; ++o)
    for (std::size_t i = 0; i < in; ++i)
      for (std::size_t y = 0; y < kh; ++y)
        for (std::size_t x = 0; x < kw; ++x) {
          const std::size_t cell = y * a.dilation_y * w.width + x * a.dilation_x;
          filter[(cell * in + i) * out + o] = weights[((o * in + i) * kh + y) * kw + x];
        }
  return filter;
}

}  // namespace

Result<void> conv(Walk& walk, const Node& node) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}); !ok) return ok;
  auto group = attributes.integer("group", 1);
  if (!group) return fail(group.error().what);
  if (*group != 1)
    return fail(describe(node) + " has group " + std::to_string(*group) +
                "; supported is 1 (no grouped or depthwise convolution)");
  auto weights = walk.reals(node, 1, "weights");
  if (!weights) return fail(weights.error().what);
  const auto& dims = walk.constant(node, 1)->dims;
  const bool four = dims.size() == 4;
  const std::size_t out = four ? static_cast<std::size_t>(dims[0]) : 0,
                    in = four ? static_cast<std::size_t>(dims[1]) : 0;
  std::vector<float> bias(out, 0);
  if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
    auto values = walk.reals(node, 2, "bias");
    if (!values) return fail(values.error().what);
    if (walk.constant(node, 2)->dims != std::vector{static_cast<std::int64_t>(out)})
      return fail(describe(node) + ": a bias of shape " + describe(walk.constant(node, 2)->dims) + " for " +
                  std::to_string(out) + " channels");
    bias = **values;
  }
  const Layout& layout = walk.layout();
  // A flattened map whose numbers are the channels of a map of one element.
  if (four && dims[2] == 1 && dims[3] == 1 && layout.rank() == 4 && layout[0].empty() && layout[2].empty() &&
      layout[3].empty() && layout[1].size() > 1) {
    auto a = read_window(walk, node, std::array<std::size_t, 2>{1, 1});
    if (!a) return fail(a.error().what);
    if (a->window == Window{}) {
      if (auto ok = walk.write_padding(); !ok) return ok;
      Layout row({{}, layout[1]}, walk.map());
      walk.lay_out(row);
      if (auto ok = fully_connected(walk, node, {**weights, in, out, 1, in}, std::move(bias)); !ok) return ok;
      walk.lay_out({{{}, {Axis::channel}, {}, {}}, walk.map()});
      return {};
    }
  }
  if (auto ok = walk.must_be_nchw(node); !ok) return ok;
  if (!four || in != walk.map().channels)
    return fail(describe(node) + ": weights of shape " + describe(dims) + " do not fit a map of " +
                std::to_string(walk.map().channels) + " channels");
  auto a = read_window(walk, node, std::array{static_cast<std::size_t>(dims[2]), static_cast<std::size_t>(dims[3])});
  if (!a) return fail(a.error().what);
  Window w = a->window;
  w.height = (w.height - 1) * a->dilation_y + 1;
  w.width = (w.width - 1) * a->dilation_x + 1;
  walk.take_padding(w);
  Linear linear{{walk.map(), out, w}, {}, std::move(bias), std::nullopt};
  const Shape map = linear.conv.out();
  if (w.height > largest_window || w.width > largest_window)
    return fail(describe(node) + " has a window of " + std::to_string(w.height) + "×" + std::to_string(w.width) +
                "; supported are " + std::to_string(largest_window) + " a side");
  if (map.height == 0 || map.width == 0)
    return fail(describe(node) + ": its window of " + std::to_string(w.height) + "×" + std::to_string(w.width) +
                " does not fit into the map of " + std::to_string(walk.map().height) + "×" +
                std::to_string(walk.map().width) + " before it");
  if (w.height * w.width > largest_filter / (in * out) ||
      (w.height * w.width != a->window.height * a->window.width && linear.conv.filter_elements() > largest_filter / 16))
    return fail(describe(node) + " has a filter of " + std::to_string(w.height) + "×" + std::to_string(w.width) +
                " elements for " + std::to_string(in) + "×" + std::to_string(out) + " channels, which is too large");
  linear.filter = spread(**weights, out, in, w, *a);
  return walk.add(node, std::move(linear), map);
}

Result<void> gemm(Walk& walk, const Node& node) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"alpha", "beta", "transA", "transB", "broadcast"}); !ok) return ok;
  auto alpha = attributes.real("alpha", 1), beta = attributes.real("beta", 1);
  auto trans_a = attributes.integer("transA", 0), trans_b = attributes.integer("transB", 0);
  if (!alpha) return fail(alpha.error().what);
  if (!beta) return fail(beta.error().what);
  if (!trans_a) return fail(trans_a.error().what);
  if (!trans_b) return fail(trans_b.error().what);
  if (*trans_a != 0) return fail(describe(node) + " has transA 1; supported is 0");
  auto weights = walk.reals(node, 1, "weights");
  if (!weights) return fail(weights.error().what);
  const auto& dims = walk.constant(node, 1)->dims;
  if (dims.size() != 2)
    return fail(describe(node) + " has weights of shape " + describe(dims) + "; supported are two dimensions");
  if (walk.layout().rank() != 2)
    return fail(describe(node) + " reads a value of " + describe(walk.sizes()) + "; put a Flatten before it");
  const auto first = static_cast<std::size_t>(dims[0]), second = static_cast<std::size_t>(dims[1]);
  const std::size_t in = *trans_b != 0 ? second : first, out = *trans_b != 0 ? first : second;
  std::vector<float> bias(out, 0);
  if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
    auto values = walk.reals(node, 2, "bias");
    if (!values) return fail(values.error().what);
    auto broadcast = output_bias(node, *walk.constant(node, 2), out, *beta);
    if (!broadcast) return fail(broadcast.error().what);
    bias = std::move(*broadcast);
  }
  return multiply(walk, node, {**weights, in, out, *trans_b != 0 ? 1 : out, *trans_b != 0 ? in : 1, *alpha},
                  std::move(bias));
}

Result<void> mat_mul(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only({}); !ok) return ok;
  auto weights = walk.reals(node, 1, "weights");
  if (!weights) return fail(weights.error().what);
  const auto& dims = walk.constant(node, 1)->dims;
  if (dims.size() != 2 || walk.layout().rank() < 2)
    return fail(describe(node) + " multiplies " + describe(walk.sizes()) + " with weights of shape " + describe(dims) +
                "; supported are weights of two dimensions");
  const auto in = static_cast<std::size_t>(dims[0]), out = static_cast<std::size_t>(dims[1]);
  return multiply(walk, node, {**weights, in, out, out, 1}, std::vector<float>(out, 0));
}

}  // namespace blindsight::model::operators
