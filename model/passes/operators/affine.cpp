#include <array>
#include <cmath>

#include "model/fault.h"
#include "model/passes/attributes.h"
#include "model/passes/operators.h"

namespace blindsight::model::operators {

using protocol::Result;
using tensor::Shape;

namespace {

/// Where each element of the current map finds its value in a constant of shape `dims`, lined up at the last dimension.
struct Broadcast {
  Layout::Place place;
  bool per_channel = true;  ///< it differs by channel alone
};

/// Error: the constant reaches beyond the value's own shape, which makes more elements than there were.
Result<Broadcast> broadcast(Walk& walk, const Node& node, const std::vector<std::int64_t>& dims) {
  // More dimensions in front, all of size 1, rename the value's own.
  while (walk.layout().rank() < dims.size()) walk.lay_out(walk.layout().with_unit(0));
  const auto sizes = walk.sizes();
  const std::size_t rank = sizes.size();
  std::vector<std::size_t> strides(rank, 0);
  Broadcast b;
  std::size_t step = 1;
  for (std::size_t i = rank, k = dims.size(); k-- > 0;) {
    --i;
    if (dims[k] == 1) continue;
    if (dims[k] != sizes[i])
      return fail(describe(node) + " has a constant of shape " + describe(dims) + " for a value of " + describe(sizes) +
                  ", which would become larger than it is: supported is one value per channel, one "
                  "for all, or what else fits the value's own shape");
    strides[i] = step;
    step *= static_cast<std::size_t>(dims[k]);
    const auto& axes = walk.layout()[i];
    b.per_channel = b.per_channel && axes == Layout::Dimension{Axis::channel};
  }
  b.place = walk.layout().place(strides, walk.map());
  return b;
}

/// scale(value) and shift(value) of each of a constant's values.
template <class Scale, class Shift>
Affine affine_of(const Shape& map, const Broadcast& b, Scale&& scale, Shift&& shift) {
  Affine a;
  const Shape over = b.per_channel ? Shape{1, 1, map.channels} : map;
  for_each_element(over, [&](std::size_t, std::size_t y, std::size_t x, std::size_t c) {
    const std::size_t from = b.place.at(y, x, c);
    a.scale.push_back(scale(from));
    a.shift.push_back(shift(from));
  });
  return a;
}

}  // namespace

Result<void> batch_normalization(Walk& walk, const Node& node) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"epsilon", "momentum", "spatial", "training_mode", "is_test", "consumed_inputs"}); !ok)
    return ok;
  auto epsilon = attributes.real("epsilon", 1e-5F);
  auto training = attributes.integer("training_mode", 0), spatial = attributes.integer("spatial", 1);
  if (!epsilon) return fail(epsilon.error().what);
  if (!training) return fail(training.error().what);
  if (!spatial) return fail(spatial.error().what);
  if (*training != 0) return fail(describe(node) + " is in training mode: export the model for inference");
  if (*spatial != 1) return fail(describe(node) + " has spatial 0; supported is 1");
  const auto sizes = walk.sizes();
  if (sizes.size() < 2) return fail(describe(node) + " reads a value of one dimension: it has no channels");
  const auto channels = static_cast<std::size_t>(sizes[1]);
  std::array<const std::vector<float>*, 4> p{};
  constexpr std::array names{"scale", "shift", "mean", "variance"};
  for (std::size_t i = 0; i < 4; ++i) {
    auto values = walk.reals(node, i + 1, names[i]);
    if (!values) return fail(values.error().what);
    if ((*values)->size() != channels)
      return fail(describe(node) + ": its " + names[i] + " has " + std::to_string((*values)->size()) + " values for " +
                  std::to_string(channels) + " channels");
    p[i] = *values;
  }
  std::vector<float> scale, shift;
  for (std::size_t c = 0; c < channels; ++c) {
    const double spread = static_cast<double>((*p[3])[c]) + *epsilon;
    if (!(spread > 0))
      return fail(describe(node) + " has a variance that is not positive at channel " + std::to_string(c));
    const double factor = (*p[0])[c] / std::sqrt(spread);
    scale.push_back(static_cast<float>(factor));
    shift.push_back(static_cast<float>((*p[1])[c] - factor * (*p[2])[c]));
  }
  // One number for each step of dimension 1, the same along all others.
  std::vector<std::int64_t> dims(sizes.size() - 1, 1);
  dims[0] = sizes[1];
  auto b = broadcast(walk, node, dims);
  if (!b) return fail(b.error().what);
  Affine a = affine_of(
      walk.map(), *b, [&](std::size_t i) { return scale[i]; }, [&](std::size_t i) { return shift[i]; });
  return walk.add(node, std::move(a), walk.map());
}

Result<void> arithmetic(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only({}); !ok) return ok;
  if (node.inputs.size() != 2)
    return fail(describe(node) + " has " + std::to_string(node.inputs.size()) + " inputs; it needs two");
  const std::size_t data = walk.data_operand(), other = 1 - data;
  auto values = walk.reals(node, other, "constant");
  if (!values) return fail(values.error().what);
  const std::vector<float>& v = **values;
  if (node.op == "Div" && data != 0)
    return fail(describe(node) + " divides by what depends on the image; supported is to divide by a constant");
  if (node.op == "Div")
    for (const float d : v)
      if (d == 0) return fail(describe(node) + " divides by zero");
  auto b = broadcast(walk, node, walk.constant(node, other)->dims);
  if (!b) return fail(b.error().what);
  const auto one = [](std::size_t) { return 1.0F; };
  const auto zero = [](std::size_t) { return 0.0F; };
  const auto value = [&](std::size_t i) { return v[i]; };
  const auto minus = [&](std::size_t i) { return -v[i]; };
  Affine a = node.op == "Add"   ? affine_of(walk.map(), *b, one, value)
             : node.op == "Sub" ? data == 0 ? affine_of(walk.map(), *b, one, minus)
                                            : affine_of(
                                                  walk.map(), *b, [](std::size_t) { return -1.0F; }, value)
             : node.op == "Mul" ? affine_of(walk.map(), *b, value, zero)
                                : affine_of(
                                      walk.map(), *b, [&](std::size_t i) { return 1 / v[i]; }, zero);
  return walk.add(node, std::move(a), walk.map());
}

}  // namespace blindsight::model::operators
