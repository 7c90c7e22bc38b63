#include <algorithm>
#include <limits>

#include "model/fault.h"
#include "model/passes/attributes.h"
#include "model/passes/operators.h"

namespace blindsight::model::operators {

using protocol::Result;

namespace {

Result<void> add_relu(Walk& walk, const Node& node) {
  return walk.add(node, Relu{}, walk.map());
}

}  // namespace

Result<void> relu(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only({}); !ok) return ok;
  return add_relu(walk, node);
}

Result<void> clip(Walk& walk, const Node& node) {
  constexpr float none = std::numeric_limits<float>::max();
  const Attributes attributes(node);
  if (auto ok = attributes.only({"min", "max"}); !ok) return ok;
  auto low = attributes.real("min", -none), high = attributes.real("max", none);
  if (!low) return fail(low.error().what);
  if (!high) return fail(high.error().what);
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    if (i >= node.inputs.size() || node.inputs[i].empty()) continue;
    auto values = walk.reals(node, i, i == 1 ? "lower bound" : "upper bound");
    if (!values) return fail(values.error().what);
    if ((*values)->size() != 1) return fail(describe(node) + " must have one number as each bound");
    (i == 1 ? *low : *high) = (**values)[0];
  }
  if (*low <= -none && *high >= none) return {};
  if (*low != 0 || *high < none)
    return fail(describe(node) + " clips to " + std::to_string(*low) + " … " + std::to_string(*high) +
                " (ReLU6 and the like are not supported); supported is 0 without an upper bound, which is ReLU");
  return add_relu(walk, node);
}

Result<void> maximum(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only({}); !ok) return ok;
  if (node.inputs.size() == 1) return {};
  if (node.inputs.size() != 2)
    return fail(describe(node) + " is of " + std::to_string(node.inputs.size()) + " values; supported is of two");
  const std::size_t other = 1 - walk.data_operand();
  auto values = walk.reals(node, other, "constant");
  if (!values) return fail(values.error().what);
  const auto& dims = walk.constant(node, other)->dims;
  const auto sizes = walk.sizes();
  bool fits = dims.size() <= sizes.size();
  for (std::size_t k = 0; fits && k < dims.size(); ++k) {
    const std::int64_t d = dims[dims.size() - 1 - k];
    fits = d == 1 || d == sizes[sizes.size() - 1 - k];
  }
  if (!fits || std::any_of((*values)->begin(), (*values)->end(), [](float v) { return v != 0; }))
    return fail(describe(node) + " is the maximum with a constant of shape " + describe(dims) +
                "; supported is with zeros, which is ReLU");
  return add_relu(walk, node);
}

Result<void> last(Walk& walk, const Node& node) {
  const Attributes attributes(node);
  if (node.op == "Sigmoid") {
    if (auto ok = attributes.only({}); !ok) return ok;
    walk.end_with(node, PostOperation::sigmoid);
    return {};
  }
  if (auto ok = attributes.only({"axis"}); !ok) return ok;
  const bool joins_the_rest = walk.opset() < 13;  // older ones take all axes from there on as one
  auto axis = attributes.integer("axis", joins_the_rest ? 1 : -1);
  if (!axis) return fail(axis.error().what);
  auto at = positive_axes(node, {*axis}, walk.layout().rank());
  if (!at) return fail(at.error().what);
  for (std::size_t i = 0; i < walk.layout().rank(); ++i)
    if (!walk.layout()[i].empty() && (joins_the_rest ? i < at->front() : i != at->front()))
      return fail(describe(node) + " has axis " + std::to_string(*axis) + " of a value of " + describe(walk.sizes()) +
                  "; supported is a softmax over all outputs: along the axis that they lie in, and of no map");
  walk.end_with(node, node.op == "Softmax" ? PostOperation::softmax : PostOperation::log_softmax);
  return {};
}

Result<void> nothing(Walk&, const Node& node) {
  return Attributes(node).only({});
}

/// Dropout does nothing outside training, and nothing here trains.
Result<void> dropout(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only({"ratio", "seed", "is_test"}); !ok) return ok;
  if (node.inputs.size() <= 2 || node.inputs[2].empty()) return {};
  const Constant* c = walk.constant(node, 2);
  const auto* mode = c == nullptr ? nullptr : std::get_if<std::vector<std::int32_t>>(&c->values);
  if (mode == nullptr || std::any_of(mode->begin(), mode->end(), [](auto m) { return m != 0; }))
    return fail(describe(node) + " is in training mode: export the model for inference");
  return {};
}

/// Between types of real numbers; ours are float32 throughout.
Result<void> cast(Walk&, const Node& node) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"to", "saturate", "round_mode"}); !ok) return ok;
  auto to = attributes.integer("to", 0);
  if (!to) return fail(to.error().what);
  if (!is_real_type(*to))
    return fail(describe(node) + " makes what depends on the image to type " + std::to_string(*to) +
                "; supported are FLOAT, DOUBLE, FLOAT16 and BFLOAT16");
  return {};
}

}  // namespace blindsight::model::operators
