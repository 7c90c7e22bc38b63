#include "model/passes/walk.h"

#include <algorithm>
#include <numeric>

#include "model/fault.h"
#include "model/passes/attributes.h"
#include "model/passes/limits.h"
#include "model/passes/operators.h"
#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::Result;
using tensor::Shape;
using tensor::Window;

namespace {

bool fits(const Shape& map) {
  const auto side = static_cast<std::size_t>(largest_side);
  return map.height <= side && map.width <= side && map.channels <= static_cast<std::size_t>(largest_channels) &&
         map.height * map.width <= largest_map / map.channels;
}

std::string text(const Shape& s) {
  return std::to_string(s.height) + "×" + std::to_string(s.width) + "×" + std::to_string(s.channels);
}

double cells(const Window& w) {
  return static_cast<double>(w.height) * static_cast<double>(w.width);
}

/// A pool of windows of one element. (Where it steps over elements, the map becomes smaller.)
bool is_nothing(const decltype(ChainNode::op)& op) {
  const auto* maximum = std::get_if<MaxPool>(&op);
  const auto* average = std::get_if<AveragePool>(&op);
  const Window* w = maximum != nullptr ? &maximum->window : average != nullptr ? &average->window : nullptr;
  return w != nullptr && w->height == 1 && w->width == 1 &&
         w->pad_top + w->pad_left + w->pad_bottom + w->pad_right == 0;
}

std::size_t parameters(const decltype(ChainNode::op)& op) {
  if (const auto* linear = std::get_if<Linear>(&op)) return linear->filter.size() + linear->bias.size();
  if (const auto* affine = std::get_if<Affine>(&op)) return affine->scale.size() + affine->shift.size();
  return 0;
}

/// Layout of an image, or of what is one after a convolution.
const std::vector<Layout::Dimension> nchw{{}, {Axis::channel}, {Axis::row}, {Axis::column}};
const std::vector<Layout::Dimension> nhwc{{}, {Axis::row}, {Axis::column}, {Axis::channel}};

}  // namespace

Linear hand_through(const Shape& map, const std::vector<float>& scale, std::vector<float> shift) {
  const std::size_t n = map.channels;
  Linear linear{{map, n, {}}, std::vector<float>(n * n), std::move(shift), std::nullopt};
  for (std::size_t c = 0; c < n; ++c) linear.filter[c * n + c] = scale.empty() ? 1 : scale[c];
  if (linear.bias.empty()) linear.bias.assign(n, 0);
  return linear;
}

Result<Chain> Walk::run() {
  if (auto ok = read_input(); !ok) return fail(ok.error().what);
  for (const Node& node : graph_.nodes)
    for (const auto& input : node.inputs)
      if (!input.empty()) ++uses_[input];
  for (const auto& [name, constant] : graph_.constants) constants_kept_ += constant.elements();
  // A file of few bytes must not become much memory by folding one tensor again and again.
  constants_most_ = 8 * constants_kept_ + (std::size_t{1} << 20);
  chain_.most_made = most_copies * constants_kept_ + most_made;
  for (const Node& node : graph_.nodes) {
    const bool known = std::all_of(node.inputs.begin(), node.inputs.end(), [&](const auto& name) {
      return name.empty() || graph_.constants.count(name) != 0 || (node.op == "Shape" && shapes_.count(name) != 0);
    });
    if (auto ok = known ? fold(node) : visit(node); !ok) return fail(ok.error().what);
    forget_constants(node);
  }
  if (value_ != graph_.output)
    return fail("the output " + in_quotes(graph_.output) + " is not the end of the network, which is " +
                in_quotes(value_) + ": branches are not supported, a network must be one chain");
  if (auto ok = write_padding(); !ok) return fail(ok.error().what);
  chain_.output_map = map_;
  chain_.output_layout = layout_;
  return std::move(chain_);
}

Result<void> Walk::read_input() {
  const auto& dims = graph_.input_dims;
  const std::string where = "the input " + in_quotes(graph_.input) + " has the shape " + describe(dims);
  if (dims.size() < 2 || dims.size() > 4)
    return fail(where +
                "; supported is batch×channels×height×width, batch×height×width×channels, batch×height×width "
                "or batch×numbers");
  if (dims[0] != 0 && dims[0] != 1)
    return fail(where + ": its batch is fixed to " + std::to_string(dims[0]) +
                "; export it with batch 1 or an open batch");
  std::vector<std::size_t> size;
  for (std::size_t i = 1; i < dims.size(); ++i) {
    if (dims[i] <= 0) return fail(where + " with 0 for what is left open: export it with a fixed image size");
    if (dims[i] > largest_channels) return fail(where + ", which is too large: export it for smaller images");
    size.push_back(static_cast<std::size_t>(dims[i]));
  }
  if (size.size() == 1) {
    map_ = {1, 1, size[0]};
    layout_ = {{{}, {Axis::channel}}, map_};
  } else if (size.size() == 2) {
    map_ = {size[0], size[1], 1};
    layout_ = {{{}, {Axis::row}, {Axis::column}}, map_};
  } else if (is_channels_last(graph_.input, graph_.input_dims)) {
    map_ = {size[0], size[1], size[2]};
    layout_ = {nhwc, map_};
  } else {
    map_ = {size[1], size[2], size[0]};
    layout_ = {nchw, map_};
  }
  if (!fits(map_)) return fail(where + ", which is too large: export it for smaller images");
  value_ = graph_.input;
  shapes_[value_] = sizes();
  chain_.name = graph_.name;
  chain_.input = map_;
  return {};
}

bool Walk::is_channels_last(std::string name, const std::vector<std::int64_t>& dims) const {
  for (const Node& node : graph_.nodes) {
    if (std::find(node.inputs.begin(), node.inputs.end(), name) == node.inputs.end() || node.op == "Shape") continue;
    static const std::set<std::string> neutral{"Identity", "Cast", "Dropout", "Add",  "Sub", "Mul",
                                               "Div",      "Pad",  "Relu",    "Clip", "Max"};
    if (neutral.count(node.op) != 0) {
      name = node.outputs[0];
      continue;
    }
    if (node.op == "Transpose") {
      const auto p = permutation(node, dims.size());
      return p && *p == std::vector<std::int64_t>{0, 3, 1, 2};
    }
    static const std::set<std::string> shapeless{"Reshape", "Flatten",   "MatMul",     "Gemm",
                                                 "Squeeze", "Unsqueeze", "ReduceMean", "ReduceMax"};
    if (shapeless.count(node.op) == 0) return false;
    break;
  }
  const auto picture = [](std::int64_t channels) { return channels == 1 || channels == 3; };
  return picture(dims[3]) && !picture(dims[1]) && dims[2] > 1;
}

const Constant* Walk::constant(const Node& node, std::size_t i) const {
  if (i >= node.inputs.size() || node.inputs[i].empty()) return nullptr;
  const auto found = graph_.constants.find(node.inputs[i]);
  return found == graph_.constants.end() ? nullptr : &found->second;
}

Result<const std::vector<float>*> Walk::reals(const Node& node, std::size_t i, const char* what) const {
  const Constant* c = constant(node, i);
  const auto* values = c == nullptr ? nullptr : std::get_if<std::vector<float>>(&c->values);
  if (values == nullptr)
    return fail(describe(node) + ": its " + what +
                " must be a constant of real numbers (an initializer, possibly behind DequantizeLinear)");
  if (values->empty()) return fail(describe(node) + ": its " + what + " is a constant without values");
  return values;
}

Result<std::vector<std::int64_t>> Walk::integers(const Node& node, std::size_t i, const char* attribute) const {
  if (i >= node.inputs.size() || node.inputs[i].empty()) return Attributes(node).integers(attribute);
  const Constant* c = constant(node, i);
  const auto* values = c == nullptr ? nullptr : std::get_if<std::vector<std::int64_t>>(&c->values);
  if (values == nullptr || c->dims.size() > 1)
    return fail(describe(node) + ": its " + attribute + " must be a constant list of INT64");
  return *values;
}

Result<void> Walk::fold(const Node& node) {
  const Operator* op = find_operator(node.op);
  Result<Constant> folded = fail("");
  if (node.op == "Shape" && !node.inputs.empty() && graph_.constants.count(node.inputs[0]) == 0) {
    folded = shape_constant(node, shapes_.at(node.inputs[0]));
  } else {
    if (op == nullptr || op->on_constants == nullptr)
      return fail(describe(node) +
                  " reads nothing that depends on the image, and is not computed ahead: simplify the "
                  "model (for instance with onnx-simplifier)");
    Operands operands;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) operands.push_back(constant(node, i));
    if (operands.size() < op->operands)
      return fail(describe(node) + " has " + std::to_string(operands.size()) + " inputs where its operator asks for " +
                  std::to_string(op->operands));
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (operands[i] == nullptr && i < op->operands)
        return fail(describe(node) + " lacks its input " + std::to_string(i));
      // Only a list of sizes may be empty: it is a scalar's.
      if (operands[i] != nullptr && operands[i]->elements() == 0 && !(node.op == "Reshape" && i == 1))
        return fail(describe(node) + " reads " + in_quotes(node.inputs[i]) + ", a constant without values");
    }
    folded = op->on_constants(node, operands);
  }
  if (!folded) return fail(folded.error().what);
  constants_kept_ += folded->elements();
  if (constants_kept_ > constants_most_)
    return fail(describe(node) + " copies the model's constants too often: simplify the model");
  graph_.constants[node.outputs[0]] = std::move(*folded);
  return {};
}

void Walk::forget_constants(const Node& node) {
  for (const auto& name : node.inputs)
    if (!name.empty() && --uses_[name] == 0) graph_.constants.erase(name);
}

Result<std::size_t> Walk::find_data_operand(const Node& node) const {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const std::string& name = node.inputs[i];
    if (name.empty() || graph_.constants.count(name) != 0) continue;
    if (found)
      return fail(describe(node) + " joins two values that depend on the image (" + in_quotes(node.inputs[*found]) +
                  " and " + in_quotes(name) +
                  "): residual connections and other branches are not supported, a network must be one chain");
    if (name != value_)
      return fail(describe(node) + " reads " + in_quotes(name) + ", which another node has used already, instead of " +
                  in_quotes(value_) + ": branches are not supported, a network must be one chain");
    found = i;
  }
  return *found;  // a node without any was folded
}

Result<void> Walk::check_extra_outputs(const Node& node) const {
  for (std::size_t i = 1; i < node.outputs.size(); ++i)
    if (!node.outputs[i].empty() && (node.outputs[i] == graph_.output || uses_.count(node.outputs[i]) != 0))
      return fail(describe(node) + ": its output " + std::to_string(i) +
                  " is used; supported is the first output alone");
  return {};
}

Result<void> Walk::visit(const Node& node) {
  if (auto ok = check_extra_outputs(node); !ok) return ok;
  auto data = find_data_operand(node);
  if (!data) return fail(data.error().what);
  data_operand_ = *data;
  const Operator* op = find_operator(node.op);
  if (op == nullptr || op->on_data == nullptr)
    return fail(describe(node) + " is supported on weights alone, not on data");
  if (chain_.post != PostOperation::none && !op->moves_alone)
    return fail(describe(node) + " comes after " + ended_by_ + ", which must be at the end");
  if (*data != 0 && op->on_data != operators::arithmetic && op->on_data != operators::maximum)
    return fail(describe(node) + " must read the data as its first input");
  if (!op->takes_padding)
    if (auto ok = write_padding(); !ok) return ok;
  if (auto ok = op->on_data(*this, node); !ok) return ok;
  value_ = node.outputs[0];
  Shape padded = map_;
  padded.height += padding_.top + padding_.bottom;
  padded.width += padding_.left + padding_.right;
  shapes_[value_] = layout_.sizes(padded);
  return {};
}

Result<void> Walk::add(const Node& node, decltype(ChainNode::op) op, const Shape& out) {
  if (out.elements() == 0) return fail(describe(node) + " makes an empty map of " + text(out));
  if (out == map_ && is_nothing(op)) return {};
  if (!fits(out))
    return fail(describe(node) + " makes a map of " + text(out) +
                ", which is too large for any machine: supported are " + std::to_string(largest_map) + " elements");
  const auto elements = static_cast<double>(out.elements());
  if (const auto* linear = std::get_if<Linear>(&op))
    macs_ += elements * cells(linear->conv.window) * static_cast<double>(linear->conv.in.channels);
  if (const auto* pool = std::get_if<MaxPool>(&op)) comparisons_ += elements * (cells(pool->window) - 1);
  if (std::holds_alternative<Relu>(op)) comparisons_ += elements;
  if (const auto* pool = std::get_if<AveragePool>(&op)) additions_ += elements * cells(pool->window);
  const auto beyond = [&](const char* what, double most) {
    return fail(describe(node) + " brings the network to more than " + std::to_string(static_cast<std::int64_t>(most)) +
                " " + what + " an image, which is more than three machines can do");
  };
  if (macs_ > most_macs) return beyond("multiplications", most_macs);
  if (comparisons_ > most_comparisons) return beyond("comparisons", most_comparisons);
  if (additions_ > most_additions) return beyond("additions", most_additions);
  chain_.made += parameters(op);
  if (chain_.made > chain_.most_made)
    return fail(describe(node) + " brings the network to " + std::to_string(chain_.made) +
                " weights, biases, scales and shifts, far more than the file has values: simplify the model");
  chain_.nodes.push_back({describe(node), node.name.empty() ? node.outputs[0] : node.name, map_, std::move(op)});
  set_map(out);
  return {};
}

void Walk::set_map(const Shape& map) {
  // Channels may be more than one now where they were one, or the other way round.
  if (layout_.is_nchw())
    layout_ = {nchw, map};
  else
    layout_ = layout_.of(map);
  map_ = map;
}

bool Walk::input_becomes(const Shape& map, Layout layout) {
  if (!chain_.nodes.empty() || map.elements() != map_.elements() || map_ != Shape{1, 1, map_.channels} || !fits(map))
    return false;
  chain_.input = map_ = map;
  layout_ = std::move(layout);
  return true;
}

void Walk::end_with(const Node& node, PostOperation post) {
  chain_.post = post;
  ended_by_ = describe(node);
}

void Walk::pad(const Node& node, const Padding& p) {
  padding_.top += p.top;
  padding_.left += p.left;
  padding_.bottom += p.bottom;
  padding_.right += p.right;
  padded_by_ = node.name.empty() ? node.outputs[0] : node.name;
}

void Walk::take_padding(Window& w) {
  w.pad_top += padding_.top;
  w.pad_left += padding_.left;
  w.pad_bottom += padding_.bottom;
  w.pad_right += padding_.right;
  padding_ = {};
}

Result<void> Walk::write_padding() {
  if (padding_.top + padding_.left + padding_.bottom + padding_.right == 0) return {};
  Node node;
  node.name = padded_by_;
  node.op = "Pad";
  if (map_.channels * map_.channels > largest_made)
    return fail(describe(node) + " pads a map of " + std::to_string(map_.channels) +
                " channels for something else than a Conv or a pool, which is not supported");
  Linear linear = hand_through(map_);
  take_padding(linear.conv.window);
  const Shape out = linear.conv.out();
  return add(node, std::move(linear), out);
}

bool Walk::is_nonnegative() const {
  for (auto node = chain_.nodes.rbegin(); node != chain_.nodes.rend(); ++node) {
    if (std::holds_alternative<Relu>(node->op)) return true;
    if (!std::holds_alternative<MaxPool>(node->op) && !std::holds_alternative<AveragePool>(node->op)) return false;
  }
  return false;
}

Result<void> Walk::must_be_nchw(const Node& node) const {
  if (layout_.is_nchw()) return {};
  return fail(describe(node) + " reads a value of " + describe(sizes()) +
              (layout_.rank() == 4 ? ", whose dimensions are not batch×channels×height×width: put a Transpose before it"
                                   : "; it needs batch×channels×height×width"));
}

Result<Chain> to_chain(Graph&& graph) {
  return Walk(graph).run();
}

}  // namespace blindsight::model
