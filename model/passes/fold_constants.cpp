#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/passes/attributes.h"
#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

namespace {

Result<Constant> constant_node(const Node& node) {
  if (node.attributes.size() != 1) return fail(describe(node) + " must have exactly one attribute, its value");
  const auto& [name, attribute] = *node.attributes.begin();
  Constant out;
  if (name == "value" && std::holds_alternative<Constant>(attribute)) return std::get<Constant>(attribute);
  if (name == "value_float" && std::holds_alternative<float>(attribute)) {
    out.values = std::vector<float>{std::get<float>(attribute)};
    return out;
  }
  if (name == "value_int" && std::holds_alternative<std::int64_t>(attribute)) {
    out.values = std::vector<std::int64_t>{std::get<std::int64_t>(attribute)};
    return out;
  }
  if (name == "value_floats" && std::holds_alternative<std::vector<float>>(attribute)) {
    const auto& v = std::get<std::vector<float>>(attribute);
    out.dims = {static_cast<std::int64_t>(v.size())};
    out.values = v;
    return out;
  }
  if (name == "value_ints" && std::holds_alternative<std::vector<std::int64_t>>(attribute)) {
    const auto& v = std::get<std::vector<std::int64_t>>(attribute);
    out.dims = {static_cast<std::int64_t>(v.size())};
    out.values = v;
    return out;
  }
  return fail(describe(node) + ": supported attributes are value, value_float, value_floats, value_int and value_ints");
}

/// (x − zero) · scale, per tensor or along `axis`.
Result<Constant> dequantize(const Node& node, const Constant& x, const Constant& scale, const Constant* zero) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"axis"}); !ok) return fail(ok.error().what);
  auto axis = attributes.integer("axis", 1);
  if (!axis) return fail(axis.error().what);
  const auto* q = std::get_if<std::vector<std::int32_t>>(&x.values);
  const auto* s = std::get_if<std::vector<float>>(&scale.values);
  const auto* z = zero != nullptr ? std::get_if<std::vector<std::int32_t>>(&zero->values) : nullptr;
  if (q == nullptr || s == nullptr || (zero != nullptr && z == nullptr))
    return fail(describe(node) +
                " must have integer values (INT8, UINT8 or INT32), a FLOAT scale and an integer zero point");
  std::size_t channels = 1, inner = 1;
  if (s->size() != 1 || !scale.dims.empty()) {
    const auto rank = static_cast<std::int64_t>(x.dims.size());
    const std::int64_t a = *axis < 0 ? *axis + rank : *axis;
    if (s->size() != 1) {
      if (a < 0 || a >= rank || static_cast<std::size_t>(x.dims[a]) != s->size())
        return fail(describe(node) + " has " + std::to_string(s->size()) + " scales along axis " +
                    std::to_string(*axis) + " of a tensor of shape " + describe(x.dims));
      channels = s->size();
      for (std::int64_t i = a + 1; i < rank; ++i) inner *= static_cast<std::size_t>(x.dims[i]);
    }
  }
  if (z != nullptr && z->size() != s->size())
    return fail(describe(node) + " has " + std::to_string(z->size()) + " zero points for " + std::to_string(s->size()) +
                " scales");
  std::vector<float> values(q->size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = channels == 1 ? 0 : i / inner % channels;
    values[i] = static_cast<float>(static_cast<double>((*q)[i]) - (z != nullptr ? (*z)[c] : 0)) * (*s)[c];
  }
  return Constant{x.dims, std::move(values)};
}

Result<Constant> reshape(const Node& node, Constant x, const Constant& shape) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"allowzero"}); !ok) return fail(ok.error().what);
  auto allow_zero = attributes.integer("allowzero", 0);
  if (!allow_zero) return fail(allow_zero.error().what);
  const auto* wanted = std::get_if<std::vector<std::int64_t>>(&shape.values);
  if (wanted == nullptr || shape.dims.size() != 1)
    return fail(describe(node) + " must have a list of INT64 as its shape");
  std::vector<std::int64_t> dims;
  std::size_t known = 1, open = wanted->size();
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    std::int64_t d = (*wanted)[i];
    if (d == 0 && *allow_zero == 0 && i < x.dims.size()) d = x.dims[i];
    if (d == -1 && open == wanted->size()) {
      open = i;
      d = 1;
    }
    if (d <= 0 || static_cast<std::uint64_t>(d) > x.elements() || known > x.elements()) {
      known = 0;
      break;
    }
    known *= static_cast<std::size_t>(d);
    dims.push_back(d);
  }
  if (known != 0 && open < dims.size() && x.elements() % known == 0) {
    dims[open] = static_cast<std::int64_t>(x.elements() / known);
    known = x.elements();
  }
  if (known == 0 || known != x.elements())
    return fail(describe(node) + " cannot reshape " + describe(x.dims) + " to " + describe(*wanted));
  x.dims = std::move(dims);
  return x;
}

Result<Constant> flatten(const Node& node, Constant x) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"axis"}); !ok) return fail(ok.error().what);
  auto axis = attributes.integer("axis", 1);
  if (!axis) return fail(axis.error().what);
  const auto rank = static_cast<std::int64_t>(x.dims.size());
  const std::int64_t a = *axis < 0 ? *axis + rank : *axis;
  if (a < 0 || a > rank) return fail(describe(node) + " has an axis outside its tensor " + describe(x.dims));
  std::int64_t rows = 1, columns = 1;
  for (std::int64_t i = 0; i < rank; ++i) (i < a ? rows : columns) *= x.dims[i];
  x.dims = {rows, columns};
  return x;
}

template <class T>
std::vector<T> transposed(const std::vector<T>& in, const std::vector<std::size_t>& out_dims,
                          const std::vector<std::size_t>& strides) {
  std::vector<T> out(in.size());
  std::vector<std::size_t> index(out_dims.size(), 0);
  std::size_t from = 0;
  for (auto& value : out) {
    value = in[from];
    for (std::size_t d = out_dims.size(); d-- > 0;) {
      from += strides[d];
      if (++index[d] < out_dims[d]) break;
      from -= strides[d] * out_dims[d];
      index[d] = 0;
    }
  }
  return out;
}

Result<Constant> transpose(const Node& node, const Constant& x) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"perm"}); !ok) return fail(ok.error().what);
  auto permutation = attributes.integers("perm");
  if (!permutation) return fail(permutation.error().what);
  const std::size_t rank = x.dims.size();
  if (permutation->empty())
    for (std::size_t i = 0; i < rank; ++i) permutation->push_back(static_cast<std::int64_t>(rank - 1 - i));
  std::vector<std::int64_t> sorted = *permutation, each(rank);
  std::sort(sorted.begin(), sorted.end());
  std::iota(each.begin(), each.end(), 0);
  if (sorted != each) return fail(describe(node) + " has no permutation of the axes of " + describe(x.dims));
  std::vector<std::size_t> in_strides(rank, 1), out_dims, strides;
  for (std::size_t i = rank; i-- > 1;) in_strides[i - 1] = in_strides[i] * static_cast<std::size_t>(x.dims[i]);
  Constant out;
  for (std::int64_t p : *permutation) {
    out.dims.push_back(x.dims[p]);
    out_dims.push_back(static_cast<std::size_t>(x.dims[p]));
    strides.push_back(in_strides[p]);
  }
  std::visit([&](const auto& v) { out.values = transposed(v, out_dims, strides); }, x.values);
  return out;
}

Result<Constant> fold(const Node& node, const std::vector<const Constant*>& in) {
  auto operands = [&](std::size_t least, std::size_t most) -> Result<void> {
    std::size_t given = in.size();
    while (given > 0 && in[given - 1] == nullptr) --given;
    if (given < least || given > most)
      return fail(describe(node) + " has " + std::to_string(given) + " inputs where its operator asks for " +
                  std::to_string(least));
    for (std::size_t i = 0; i < least; ++i)
      if (in[i] == nullptr) return fail(describe(node) + " lacks its input " + std::to_string(i));
    return {};
  };
  const std::string& op = node.op;
  const std::size_t least = op == "Constant" ? 0 : op == "DequantizeLinear" || op == "Reshape" ? 2 : 1;
  const std::size_t most = op == "DequantizeLinear" ? 3 : least;
  if (auto ok = operands(least, most); !ok) return fail(ok.error().what);
  if (op == "Constant") return constant_node(node);
  if (op == "DequantizeLinear") return dequantize(node, *in[0], *in[1], in.size() > 2 ? in[2] : nullptr);
  if (op == "Reshape") return reshape(node, *in[0], *in[1]);
  if (op == "Flatten") return flatten(node, *in[0]);
  if (op == "Transpose") return transpose(node, *in[0]);
  return *in[0];  // Identity
}

bool foldable(const std::string& op) {
  return op == "Constant" || op == "DequantizeLinear" || op == "Reshape" || op == "Flatten" || op == "Transpose" ||
         op == "Identity";
}

}  // namespace

Result<void> fold_constants(Graph& graph) {
  // A file of few bytes must not become much memory by folding one tensor again and again.
  std::size_t kept = 0;
  for (const auto& [name, constant] : graph.constants) kept += constant.elements();
  const std::size_t most = 8 * kept + (std::size_t{1} << 20);
  std::vector<Node> rest;
  for (Node& node : graph.nodes) {
    std::vector<const Constant*> in;
    bool all = foldable(node.op);
    for (const auto& name : node.inputs) {
      const auto found = graph.constants.find(name);
      in.push_back(found == graph.constants.end() ? nullptr : &found->second);
      all = all && (name.empty() || in.back() != nullptr);
    }
    if (!all) {
      rest.push_back(std::move(node));
      continue;
    }
    auto folded = fold(node, in);
    if (!folded) return fail(folded.error().what);
    kept += folded->elements();
    if (kept > most) return fail(describe(node) + " copies the model's constants too often: simplify the model");
    graph.constants[node.outputs[0]] = std::move(*folded);
  }
  graph.nodes = std::move(rest);
  return {};
}

}  // namespace blindsight::model
