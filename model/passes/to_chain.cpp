#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "model/passes/attributes.h"
#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;
using tensor::Shape;
using tensor::Window;

namespace {

// A map beyond these bounds fits no party's memory; within them products of sizes stay far from overflow.
constexpr std::int64_t largest_side = 1 << 16;
constexpr std::int64_t largest_channels = 1 << 20;
constexpr std::size_t largest_map = std::size_t{1} << 27;

/// Walks the nodes, keeping the current value's name and shape.
class Walk {
 public:
  explicit Walk(const Graph& graph) : graph_(graph) {}

  Result<Chain> run() {
    if (auto ok = input(); !ok) return fail(ok.error().what);
    for (const Node& node : graph_.nodes)
      if (auto ok = visit(node); !ok) return fail(ok.error().what);
    if (value_ != graph_.output)
      return fail("the output " + in_quotes(graph_.output) + " is not the end of the network, which is " +
                  in_quotes(value_));
    if (padding_) return fail(padded_by_ + " must be followed by a Conv or an AveragePool");
    chain_.output_map = map_;
    chain_.output_flat = flat_;
    return std::move(chain_);
  }

 private:
  Result<void> input() {
    const auto& dims = graph_.input_dims;
    const std::string where = "the input " + in_quotes(graph_.input) + " has the shape " + describe(dims);
    if (dims.size() != 4) return fail(where + "; supported is batch×channels×height×width");
    if (dims[0] != 0 && dims[0] != 1)
      return fail(where + ": its batch is fixed to " + std::to_string(dims[0]) +
                  "; export it with batch 1 or an open batch");
    if (dims[1] <= 0 || dims[2] <= 0 || dims[3] <= 0)
      return fail(where + " with 0 for what is left open: export it with a fixed image size");
    if (dims[1] > largest_channels || dims[2] > largest_side || dims[3] > largest_side ||
        static_cast<std::size_t>(dims[2] * dims[3]) > largest_map / static_cast<std::size_t>(dims[1]))
      return fail(where + ", which is too large");
    map_ = {static_cast<std::size_t>(dims[2]), static_cast<std::size_t>(dims[3]), static_cast<std::size_t>(dims[1])};
    value_ = graph_.input;
    chain_.name = graph_.name;
    chain_.input = map_;
    return {};
  }

  const Constant* constant(const std::string& name) const {
    const auto found = graph_.constants.find(name);
    return found == graph_.constants.end() ? nullptr : &found->second;
  }

  /// Operand `i` as float values; an error when it is not a constant of reals.
  Result<const std::vector<float>*> reals(const Node& node, std::size_t i, const char* what) const {
    const Constant* c = i < node.inputs.size() ? constant(node.inputs[i]) : nullptr;
    const auto* values = c == nullptr ? nullptr : std::get_if<std::vector<float>>(&c->values);
    if (values == nullptr)
      return fail(describe(node) + ": its " + what +
                  " must be a constant of real numbers (an initializer, possibly behind DequantizeLinear)");
    return values;
  }

  void add(const Node& node, decltype(ChainNode::op) op) {
    chain_.nodes.push_back({describe(node), node.name.empty() ? node.outputs[0] : node.name, std::move(op)});
  }

  /// The node must read the chain's current value as input 0 (or 1 for Add) and no other value that is not constant.
  Result<std::size_t> data_input(const Node& node) const {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::string& name = node.inputs[i];
      if (name.empty() || constant(name) != nullptr) continue;
      if (found)
        return fail(describe(node) + " joins two values that depend on the image (" + in_quotes(node.inputs[*found]) +
                    " and " + in_quotes(name) +
                    "): residual connections and other branches are not supported, a network must be one chain");
      if (name != value_)
        return fail(describe(node) + " reads " + in_quotes(name) +
                    ", which another node has used already, instead of " + in_quotes(value_) +
                    ": branches are not supported, a network must be one chain");
      found = i;
    }
    if (!found) return fail(describe(node) + " reads nothing that depends on the image: simplify the model");
    return *found;
  }

  Result<void> visit(const Node& node) {
    for (std::size_t i = 1; i < node.outputs.size(); ++i)
      for (const Node& other : graph_.nodes)
        if (!node.outputs[i].empty() && (node.outputs[i] == graph_.output ||
                                         std::count(other.inputs.begin(), other.inputs.end(), node.outputs[i]) != 0))
          return fail(describe(node) + ": its output " + std::to_string(i) +
                      " is used; supported is the first output alone");
    auto data = data_input(node);
    if (!data) return fail(data.error().what);
    if (chain_.post != PostOperation::none)
      return fail(describe(node) + " comes after a Softmax, which must be at the end");
    if (padding_ && node.op != "Conv" && node.op != "AveragePool")
      return fail(padded_by_ + " must be followed by a Conv or an AveragePool");
    if (node.op != "Add" && *data != 0) return fail(describe(node) + " must read the data as its first input");

    Result<void> ok = node.op == "Conv"                                  ? conv(node)
                      : node.op == "BatchNormalization"                  ? batch_normalization(node)
                      : node.op == "Relu"                                ? relu(node)
                      : node.op == "MaxPool" || node.op == "AveragePool" ? pool(node)
                      : node.op == "GlobalAveragePool"                   ? global_pool(node)
                      : node.op == "Flatten"                             ? flatten(node)
                      : node.op == "Reshape"                             ? reshape(node)
                      : node.op == "Gemm"                                ? gemm(node)
                      : node.op == "MatMul"                              ? mat_mul(node)
                      : node.op == "Add"                                 ? add_constant(node, 1 - *data)
                      : node.op == "Pad"                                 ? pad(node)
                      : node.op == "Softmax" || node.op == "LogSoftmax"
                          ? softmax(node)
                          : fail(describe(node) + " is supported on weights alone, not on data");
    if (ok) value_ = node.outputs[0];
    return ok;
  }

  Result<void> must_be_map(const Node& node) const {
    if (flat_) return fail(describe(node) + " reads a flattened value; it needs batch×channels×height×width");
    return {};
  }

  /// kernel_shape, strides, pads, auto_pad and dilations as a window over the current map.
  Result<Window> window(const Node& node, std::optional<std::array<std::size_t, 2>> kernel) const {
    const Attributes attributes(node);
    auto pair = [&](const char* name, std::int64_t least, std::size_t count) -> Result<std::vector<std::int64_t>> {
      auto values = attributes.integers(name);
      if (!values || values->empty()) return values;
      if (values->size() != count)
        return fail(describe(node) + ": " + name + " has " + std::to_string(values->size()) +
                    " numbers; supported are two-dimensional windows");
      for (auto v : *values)
        if (v < least || v > largest_side)
          return fail(describe(node) + ": " + name + " " + describe(*values) + " is out of range");
      return values;
    };
    auto shape = pair("kernel_shape", 1, 2), strides = pair("strides", 1, 2), pads = pair("pads", 0, 4),
         dilations = pair("dilations", 1, 2);
    auto auto_pad = attributes.text("auto_pad", "NOTSET");
    for (const auto* r : {&shape, &strides, &pads, &dilations})
      if (!*r) return fail(r->error().what);
    if (!auto_pad) return fail(auto_pad.error().what);
    for (auto d : *dilations)
      if (d != 1) return fail(describe(node) + " has dilations " + describe(*dilations) + "; supported is 1");
    Window w;
    if (!shape->empty()) {
      w.height = static_cast<std::size_t>((*shape)[0]);
      w.width = static_cast<std::size_t>((*shape)[1]);
    } else if (kernel) {
      w.height = (*kernel)[0];
      w.width = (*kernel)[1];
    } else {
      return fail(describe(node) + " has no kernel_shape");
    }
    if (kernel && (w.height != (*kernel)[0] || w.width != (*kernel)[1]))
      return fail(describe(node) + ": kernel_shape differs from its weights' shape");
    if (!strides->empty()) {
      w.stride_y = static_cast<std::size_t>((*strides)[0]);
      w.stride_x = static_cast<std::size_t>((*strides)[1]);
    }
    if (*auto_pad == "SAME_UPPER" || *auto_pad == "SAME_LOWER") {
      if (padding_)
        return fail(describe(node) + " pads by itself (auto_pad) after " + padded_by_ +
                    ": give its padding in numbers");
      const bool upper = *auto_pad == "SAME_UPPER";
      auto same = [&](std::size_t in, std::size_t size, std::size_t stride, std::size_t& before, std::size_t& after) {
        const std::size_t covered = ((in + stride - 1) / stride - 1) * stride + size;
        const std::size_t total = covered > in ? covered - in : 0;
        before = upper ? total / 2 : total - total / 2;
        after = total - before;
      };
      same(map_.height, w.height, w.stride_y, w.pad_top, w.pad_bottom);
      same(map_.width, w.width, w.stride_x, w.pad_left, w.pad_right);
    } else if (*auto_pad == "NOTSET") {
      if (!pads->empty()) {
        w.pad_top = static_cast<std::size_t>((*pads)[0]);
        w.pad_left = static_cast<std::size_t>((*pads)[1]);
        w.pad_bottom = static_cast<std::size_t>((*pads)[2]);
        w.pad_right = static_cast<std::size_t>((*pads)[3]);
      }
    } else if (*auto_pad != "VALID") {
      return fail(describe(node) + " has auto_pad " + in_quotes(*auto_pad) +
                  "; supported are NOTSET, SAME_UPPER, SAME_LOWER and VALID");
    }
    return w;
  }

  Result<void> advance(const Node& node, const Window& w, std::size_t channels) {
    const Shape out{w.out_height(map_.height), w.out_width(map_.width), channels};
    if (out.height == 0 || out.width == 0)
      return fail(describe(node) + ": its window of " + std::to_string(w.height) + "×" + std::to_string(w.width) +
                  " does not fit into the map of " + std::to_string(map_.height) + "×" + std::to_string(map_.width) +
                  " before it");
    if (out.height > largest_side || out.width > largest_side || out.height * out.width > largest_map / channels)
      return fail(describe(node) + " makes a map that is too large");
    map_ = out;
    return {};
  }

  Result<void> conv(const Node& node) {
    const Attributes attributes(node);
    if (auto ok = attributes.only({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}); !ok)
      return ok;
    if (auto ok = must_be_map(node); !ok) return ok;
    auto group = attributes.integer("group", 1);
    if (!group) return fail(group.error().what);
    if (*group != 1)
      return fail(describe(node) + " has group " + std::to_string(*group) +
                  "; supported is 1 (no grouped or depthwise convolution)");
    auto weights = reals(node, 1, "weights");
    if (!weights) return fail(weights.error().what);
    const auto& dims = constant(node.inputs[1])->dims;
    if (dims.size() != 4 || static_cast<std::size_t>(dims[1]) != map_.channels)
      return fail(describe(node) + ": weights of shape " + describe(dims) + " do not fit a map of " +
                  std::to_string(map_.channels) + " channels");
    const std::size_t out = static_cast<std::size_t>(dims[0]), in = map_.channels,
                      kh = static_cast<std::size_t>(dims[2]), kw = static_cast<std::size_t>(dims[3]);
    if (out > largest_channels) return fail(describe(node) + " has too many channels");
    auto w = window(node, std::array{kh, kw});
    if (!w) return fail(w.error().what);
    take_padding(*w);
    Linear linear{{map_, out, *w}, {}, {}, {1, 1, in}, false};
    linear.filter.resize((*weights)->size());
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t i = 0; i < in; ++i)
        for (std::size_t k = 0; k < kh * kw; ++k)
          linear.filter[(k * in + i) * out + o] = (**weights)[(o * in + i) * kh * kw + k];
    if (auto ok = bias(node, 2, out, 1, linear.bias); !ok) return ok;
    if (auto ok = advance(node, *w, out); !ok) return ok;
    add(node, std::move(linear));
    return {};
  }

  /// Optional operand `i`, one value per channel or one for all, times `factor`.
  Result<void> bias(const Node& node, std::size_t i, std::size_t channels, float factor,
                    std::vector<float>& out) const {
    out.assign(channels, 0);
    if (i >= node.inputs.size() || node.inputs[i].empty()) return {};
    auto values = reals(node, i, "bias");
    if (!values) return fail(values.error().what);
    if ((*values)->size() != channels && (*values)->size() != 1)
      return fail(describe(node) + ": a bias of " + std::to_string((*values)->size()) + " values for " +
                  std::to_string(channels) + " channels");
    for (std::size_t c = 0; c < channels; ++c) out[c] = factor * (**values)[(*values)->size() == 1 ? 0 : c];
    return {};
  }

  Result<void> batch_normalization(const Node& node) {
    const Attributes attributes(node);
    if (auto ok = attributes.only({"epsilon", "momentum", "spatial", "training_mode"}); !ok) return ok;
    auto epsilon = attributes.real("epsilon", 1e-5F);
    auto training = attributes.integer("training_mode", 0), spatial = attributes.integer("spatial", 1);
    if (!epsilon) return fail(epsilon.error().what);
    if (!training) return fail(training.error().what);
    if (!spatial) return fail(spatial.error().what);
    if (*training != 0) return fail(describe(node) + " is in training mode: export the model for inference");
    if (*spatial != 1) return fail(describe(node) + " has spatial 0; supported is 1");
    const std::size_t channels = flat_ ? map_.elements() : map_.channels;
    std::array<const std::vector<float>*, 4> p{};
    constexpr std::array names{"scale", "shift", "mean", "variance"};
    for (std::size_t i = 0; i < 4; ++i) {
      auto values = reals(node, i + 1, names[i]);
      if (!values) return fail(values.error().what);
      if ((*values)->size() != channels)
        return fail(describe(node) + ": its " + names[i] + " has " + std::to_string((*values)->size()) +
                    " values for " + std::to_string(channels) + " channels");
      p[i] = *values;
    }
    Affine affine;
    for (std::size_t c = 0; c < channels; ++c) {
      const double spread = static_cast<double>((*p[3])[c]) + *epsilon;
      if (!(spread > 0))
        return fail(describe(node) + " has a variance that is not positive at channel " + std::to_string(c));
      const double scale = (*p[0])[c] / std::sqrt(spread);
      affine.scale.push_back(static_cast<float>(scale));
      affine.shift.push_back(static_cast<float>((*p[1])[c] - scale * (*p[2])[c]));
    }
    add(node, std::move(affine));
    return {};
  }

  Result<void> relu(const Node& node) {
    if (auto ok = Attributes(node).only({}); !ok) return ok;
    add(node, Relu{});
    return {};
  }

  Result<void> pool(const Node& node) {
    const bool average = node.op == "AveragePool";
    const Attributes attributes(node);
    if (auto ok = average ? attributes.only({"auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape",
                                             "pads", "strides"})
                          : attributes.only({"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads",
                                             "storage_order", "strides"});
        !ok)
      return ok;
    if (auto ok = must_be_map(node); !ok) return ok;
    auto ceil = attributes.integer("ceil_mode", 0), include = attributes.integer("count_include_pad", 0);
    if (!ceil) return fail(ceil.error().what);
    if (!include) return fail(include.error().what);
    auto w = window(node, std::nullopt);
    if (!w) return fail(w.error().what);
    const bool padded = w->pad_top + w->pad_bottom + w->pad_left + w->pad_right != 0;
    if (average && padded && *include == 0)
      return fail(describe(node) +
                  " averages over windows cut by the border (count_include_pad 0 with padding); supported is "
                  "count_include_pad 1, or no padding");
    if (average) take_padding(*w);
    if (w->pad_top >= w->height || w->pad_bottom >= w->height || w->pad_left >= w->width || w->pad_right >= w->width)
      return fail(describe(node) +
                  " has as much padding as its window is wide: some windows would see nothing of the map");
    const auto rest = [](std::size_t in, std::size_t size, std::size_t stride) {
      return in < size ? 0 : (in - size) % stride;
    };
    if (*ceil != 0 && (rest(map_.height + w->pad_top + w->pad_bottom, w->height, w->stride_y) != 0 ||
                       rest(map_.width + w->pad_left + w->pad_right, w->width, w->stride_x) != 0))
      return fail(describe(node) + " rounds its size up (ceil_mode 1); supported is 0");
    if (auto ok = advance(node, *w, map_.channels); !ok) return ok;
    if (average)
      add(node, AveragePool{*w});
    else
      add(node, MaxPool{*w});
    return {};
  }

  Result<void> global_pool(const Node& node) {
    if (auto ok = Attributes(node).only({}); !ok) return ok;
    if (auto ok = must_be_map(node); !ok) return ok;
    Window w;
    w.height = map_.height;
    w.width = map_.width;
    if (auto ok = advance(node, w, map_.channels); !ok) return ok;
    add(node, AveragePool{w});
    return {};
  }

  /// Zeros around the map go into the window that follows.
  Result<void> pad(const Node& node) {
    const Attributes attributes(node);
    if (auto ok = attributes.only({"mode", "pads", "value"}); !ok) return ok;
    if (auto ok = must_be_map(node); !ok) return ok;
    auto mode = attributes.text("mode", "constant");
    auto value = attributes.real("value", 0);
    auto pads = attributes.integers("pads");
    if (!mode) return fail(mode.error().what);
    if (!value) return fail(value.error().what);
    if (!pads) return fail(pads.error().what);
    if (node.inputs.size() > 1)
      *pads = std::get<std::vector<std::int64_t>>(constant(node.inputs[1])->values);  // drop_identities saw it
    if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
      auto values = reals(node, 2, "value");
      if (!values) return fail(values.error().what);
      *value = (*values)->empty() ? 0 : (**values)[0];
    }
    if (node.inputs.size() > 3 && !node.inputs[3].empty())
      return fail(describe(node) + " names axes; supported are pads of all four axes");
    if (*mode != "constant" || *value != 0) return fail(describe(node) + " must pad with the constant 0");
    const auto& p = *pads;
    if (p.size() != 8 || p[0] != 0 || p[1] != 0 || p[4] != 0 || p[5] != 0 ||
        std::any_of(p.begin(), p.end(), [](auto v) { return v < 0 || v > largest_side; }))
      return fail(describe(node) + " must pad height and width alone");
    padding_ = std::array{static_cast<std::size_t>(p[2]), static_cast<std::size_t>(p[3]),
                          static_cast<std::size_t>(p[6]), static_cast<std::size_t>(p[7])};
    padded_by_ = describe(node);
    return {};
  }

  void take_padding(Window& w) {
    if (!padding_) return;
    w.pad_top += (*padding_)[0];
    w.pad_left += (*padding_)[1];
    w.pad_bottom += (*padding_)[2];
    w.pad_right += (*padding_)[3];
    padding_.reset();
  }

  Result<void> flatten(const Node& node) {
    const Attributes attributes(node);
    if (auto ok = attributes.only({"axis"}); !ok) return ok;
    auto axis = attributes.integer("axis", 1);
    if (!axis) return fail(axis.error().what);
    const std::int64_t rank = flat_ ? 2 : 4;
    if (*axis != 1 && *axis != 1 - rank)
      return fail(describe(node) + " has axis " + std::to_string(*axis) + "; supported is 1");
    flat_ = true;
    return {};
  }

  Result<void> reshape(const Node& node) {
    if (auto ok = Attributes(node).only({"allowzero"}); !ok) return ok;
    auto allow_zero = Attributes(node).integer("allowzero", 0);
    if (!allow_zero) return fail(allow_zero.error().what);
    if (*allow_zero != 0) return fail(describe(node) + " has allowzero 1; supported is 0");
    const Constant* shape = node.inputs.size() == 2 ? constant(node.inputs[1]) : nullptr;
    const auto* wanted = shape == nullptr ? nullptr : std::get_if<std::vector<std::int64_t>>(&shape->values);
    if (wanted == nullptr)
      return fail(describe(node) +
                  " takes its shape from other nodes; supported is a constant shape: export with Flatten or with a "
                  "fixed batch");
    const std::int64_t all = static_cast<std::int64_t>(map_.elements());
    std::vector<std::int64_t> now{1, all};
    if (!flat_)
      now = {1, static_cast<std::int64_t>(map_.channels), static_cast<std::int64_t>(map_.height),
             static_cast<std::int64_t>(map_.width)};
    std::vector<std::int64_t> dims = *wanted;
    std::int64_t known = 1;
    for (std::size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == 0 && i < now.size()) dims[i] = now[i];
      if (dims[i] > 0) known = dims[i] > all || known > all ? all + 1 : known * dims[i];
    }
    for (auto& d : dims)
      if (d == -1 && known > 0) d = all / known;
    if (dims == now) return {};
    if (dims != std::vector<std::int64_t>{1, all})
      return fail(describe(node) + " reshapes " + describe(now) + " to " + describe(*wanted) +
                  "; supported is flattening to 1×" + std::to_string(all));
    flat_ = true;
    return {};
  }

  /// A fully connected layer from weights of element [input][output] at input · row + output · column.
  Result<void> fully_connected(const Node& node, const std::vector<float>& weights, std::size_t in, std::size_t out,
                               std::size_t row, std::size_t column, float factor, std::vector<float> bias_values) {
    if (!flat_ && (map_.height != 1 || map_.width != 1))
      return fail(describe(node) + " reads a map of " + std::to_string(map_.height) + "×" + std::to_string(map_.width) +
                  "; put a Flatten before it");
    if (!flat_) return fail(describe(node) + " reads a value of four dimensions; put a Flatten before it");
    if (in != map_.elements())
      return fail(describe(node) + " has weights for " + std::to_string(in) + " inputs; there are " +
                  std::to_string(map_.elements()));
    if (out > largest_channels) return fail(describe(node) + " has too many outputs");
    Linear linear{{{1, 1, in}, out, {}}, {}, std::move(bias_values), map_, true};
    linear.filter.resize(in * out);
    for (std::size_t i = 0; i < in; ++i)
      for (std::size_t o = 0; o < out; ++o) linear.filter[i * out + o] = factor * weights[i * row + o * column];
    map_ = {1, 1, out};
    add(node, std::move(linear));
    return {};
  }

  Result<void> gemm(const Node& node) {
    const Attributes attributes(node);
    if (auto ok = attributes.only({"alpha", "beta", "transA", "transB"}); !ok) return ok;
    auto alpha = attributes.real("alpha", 1), beta = attributes.real("beta", 1);
    auto trans_a = attributes.integer("transA", 0), trans_b = attributes.integer("transB", 0);
    if (!alpha) return fail(alpha.error().what);
    if (!beta) return fail(beta.error().what);
    if (!trans_a) return fail(trans_a.error().what);
    if (!trans_b) return fail(trans_b.error().what);
    if (*trans_a != 0) return fail(describe(node) + " has transA 1; supported is 0");
    auto weights = reals(node, 1, "weights");
    if (!weights) return fail(weights.error().what);
    const auto& dims = constant(node.inputs[1])->dims;
    if (dims.size() != 2)
      return fail(describe(node) + " has weights of shape " + describe(dims) + "; supported are two dimensions");
    const std::size_t in = static_cast<std::size_t>(dims[*trans_b != 0 ? 1 : 0]),
                      out = static_cast<std::size_t>(dims[*trans_b != 0 ? 0 : 1]);
    std::vector<float> bias_values;
    if (auto ok = bias(node, 2, out, *beta, bias_values); !ok) return ok;
    return fully_connected(node, **weights, in, out, *trans_b != 0 ? 1 : out, *trans_b != 0 ? in : 1, *alpha,
                           std::move(bias_values));
  }

  Result<void> mat_mul(const Node& node) {
    if (auto ok = Attributes(node).only({}); !ok) return ok;
    auto weights = reals(node, 1, "weights");
    if (!weights) return fail(weights.error().what);
    const auto& dims = constant(node.inputs[1])->dims;
    if (dims.size() != 2)
      return fail(describe(node) + " has weights of shape " + describe(dims) + "; supported are two dimensions");
    const std::size_t in = static_cast<std::size_t>(dims[0]), out = static_cast<std::size_t>(dims[1]);
    return fully_connected(node, **weights, in, out, out, 1, 1, std::vector<float>(out, 0));
  }

  Result<void> add_constant(const Node& node, std::size_t i) {
    if (auto ok = Attributes(node).only({}); !ok) return ok;
    auto values = reals(node, i, "constant");
    if (!values) return fail(values.error().what);
    const std::size_t channels = flat_ ? map_.elements() : map_.channels, count = (*values)->size();
    const auto& dims = constant(node.inputs[i])->dims;
    // Broadcasting lines up the last axes: a constant per channel of a map is C×1×1.
    bool fits = count == 1;
    if (count == channels && flat_) fits = dims.size() <= 2;
    if (count == channels && !flat_ && channels != 1) {
      fits = dims.size() >= 3 && dims.size() <= 4 && static_cast<std::size_t>(dims[dims.size() - 3]) == channels;
    }
    if (!fits)
      return fail(describe(node) + " adds a constant of shape " + describe(dims) +
                  "; supported is one value per channel, or one for all");
    Affine affine{std::vector<float>(channels, 1), std::vector<float>(channels)};
    for (std::size_t c = 0; c < channels; ++c) affine.shift[c] = (**values)[count == 1 ? 0 : c];
    add(node, std::move(affine));
    return {};
  }

  Result<void> softmax(const Node& node) {
    const Attributes attributes(node);
    if (auto ok = attributes.only({"axis"}); !ok) return ok;
    const std::int64_t rank = flat_ ? 2 : 4;
    auto axis = attributes.integer("axis", graph_.opset < 13 ? 1 : -1);
    if (!axis) return fail(axis.error().what);
    if (*axis != 1 && *axis != 1 - rank)
      return fail(describe(node) + " has axis " + std::to_string(*axis) + "; supported is the channels' (1)");
    if (!flat_ && (map_.height != 1 || map_.width != 1))
      return fail(describe(node) + " reads a map; supported is a softmax over the outputs alone");
    chain_.post = node.op == "Softmax" ? PostOperation::softmax : PostOperation::log_softmax;
    return {};
  }

  const Graph& graph_;
  Chain chain_;
  std::string value_;  ///< the current value's name
  Shape map_;          ///< its map, or the map that it was flattened from
  bool flat_ = false;
  std::optional<std::array<std::size_t, 4>>
      padding_;  ///< of a Pad whose window has not come yet: top, left, bottom, right
  std::string padded_by_;
};

}  // namespace

Result<Chain> to_chain(const Graph& graph) {
  return Walk(graph).run();
}

}  // namespace blindsight::model
