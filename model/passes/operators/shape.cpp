#include <algorithm>
#include <numeric>

#include "model/fault.h"
#include "model/passes/attributes.h"
#include "model/passes/operators.h"

namespace blindsight::model {

using protocol::Result;

Result<void> check_rank(const Node& node, std::size_t rank) {
  if (rank <= most_dimensions) return {};
  return fail(describe(node) + " reads or makes a value of " + std::to_string(rank) + " dimensions; at most " +
              std::to_string(most_dimensions) + " are supported");
}

Result<std::vector<std::int64_t>> reshape_sizes(const Node& node, const std::vector<std::int64_t>& now,
                                                const std::vector<std::int64_t>& wanted) {
  if (auto ok = Attributes(node).only({"allowzero", "shape"}); !ok) return fail(ok.error().what);
  if (auto ok = check_rank(node, wanted.size()); !ok) return fail(ok.error().what);
  auto allow_zero = Attributes(node).integer("allowzero", 0);
  if (!allow_zero) return fail(allow_zero.error().what);
  const std::int64_t all = std::accumulate(now.begin(), now.end(), std::int64_t{1}, std::multiplies<>());
  const auto refuse = [&] {
    return fail(describe(node) + " cannot reshape " + describe(now) + " to " + describe(wanted));
  };
  std::vector<std::int64_t> sizes;
  std::int64_t known = 1;
  std::size_t open = wanted.size();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::int64_t d = wanted[i];
    if (d == 0 && *allow_zero == 0 && i < now.size()) d = now[i];
    if (d == -1 && open == wanted.size()) {
      open = i;
      d = 1;
    }
    if (d <= 0 || d > all || known > all) return refuse();
    known *= d;
    sizes.push_back(d);
  }
  if (open < sizes.size() && all % known == 0) {
    sizes[open] = all / known;
    known = all;
  }
  if (known != all) return refuse();
  return sizes;
}

Result<std::vector<std::int64_t>> permutation(const Node& node, std::size_t rank) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"perm"}); !ok) return fail(ok.error().what);
  auto p = attributes.integers("perm");
  if (!p) return fail(p.error().what);
  if (p->empty())
    for (std::size_t i = 0; i < rank; ++i) p->push_back(static_cast<std::int64_t>(rank - 1 - i));
  std::vector<std::int64_t> sorted = *p, each(rank);
  std::sort(sorted.begin(), sorted.end());
  std::iota(each.begin(), each.end(), 0);
  if (sorted != each)
    return fail(describe(node) + " has no permutation of the " + std::to_string(rank) + " axes of what it reads");
  return p;
}

Result<std::vector<std::size_t>> positive_axes(const Node& node, const std::vector<std::int64_t>& axes,
                                               std::size_t rank) {
  if (auto ok = check_rank(node, rank); !ok) return fail(ok.error().what);
  std::vector<std::size_t> all;
  const auto r = static_cast<std::int64_t>(rank);
  for (const std::int64_t axis : axes) {
    if (axis < -r || axis >= r)
      return fail(describe(node) + " has axis " + std::to_string(axis) + " of a value of " + std::to_string(rank) +
                  " dimensions");
    all.push_back(static_cast<std::size_t>(axis < 0 ? axis + r : axis));
  }
  std::sort(all.begin(), all.end());
  if (std::adjacent_find(all.begin(), all.end()) != all.end()) return fail(describe(node) + " names an axis twice");
  return all;
}

Result<Constant> shape_constant(const Node& node, const std::vector<std::int64_t>& sizes) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"start", "end"}); !ok) return fail(ok.error().what);
  const auto rank = static_cast<std::int64_t>(sizes.size());
  auto start = attributes.integer("start", 0), end = attributes.integer("end", rank);
  if (!start) return fail(start.error().what);
  if (!end) return fail(end.error().what);
  const auto clamped = [&](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + rank : i, 0, rank); };
  const std::int64_t from = clamped(*start), to = std::max(from, clamped(*end));
  return Constant{{to - from}, std::vector<std::int64_t>(sizes.begin() + from, sizes.begin() + to)};
}

namespace operators {

namespace {

Result<std::size_t> flatten_axis(const Node& node, std::size_t rank) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"axis"}); !ok) return fail(ok.error().what);
  auto axis = attributes.integer("axis", 1);
  if (!axis) return fail(axis.error().what);
  const auto r = static_cast<std::int64_t>(rank);
  if (*axis < -r || *axis > r)
    return fail(describe(node) + " has axis " + std::to_string(*axis) + " of a value of " + std::to_string(rank) +
                " dimensions");
  return static_cast<std::size_t>(*axis < 0 ? *axis + r : *axis);
}

}  // namespace

Result<void> flatten(Walk& walk, const Node& node) {
  auto axis = flatten_axis(node, walk.layout().rank());
  if (!axis) return fail(axis.error().what);
  walk.lay_out(walk.layout().flattened(*axis));
  return {};
}

Result<void> reshape(Walk& walk, const Node& node) {
  if (node.inputs.size() < 2 && node.attributes.count("shape") == 0) return fail(describe(node) + " has no shape");
  auto wanted = walk.integers(node, 1, "shape");
  if (!wanted) return fail(wanted.error().what);
  auto sizes = reshape_sizes(node, walk.sizes(), *wanted);
  if (!sizes) return fail(sizes.error().what);
  if (auto layout = walk.layout().reshaped(*sizes, walk.map())) {
    walk.lay_out(std::move(*layout));
    return {};
  }
  // A row of numbers as the input may be the image itself.
  if (sizes->size() == 4 && (*sizes)[0] == 1) {
    const auto size = [&](std::size_t i) { return static_cast<std::size_t>((*sizes)[i]); };
    const bool last = walk.is_channels_last(node.outputs[0], *sizes);
    const tensor::Shape map =
        last ? tensor::Shape{size(1), size(2), size(3)} : tensor::Shape{size(2), size(3), size(1)};
    const Layout layout = last ? Layout({{}, {Axis::row}, {Axis::column}, {Axis::channel}}, map)
                               : Layout({{}, {Axis::channel}, {Axis::row}, {Axis::column}}, map);
    if (walk.input_becomes(map, layout)) return {};
  }
  return fail(describe(node) + " reshapes " + describe(walk.sizes()) + " to " + describe(*sizes) +
              ", which cuts rows, columns or channels apart; supported is what joins, splits or renames whole "
              "dimensions, for example to 1×" +
              std::to_string(walk.map().elements()));
}

Result<void> transpose(Walk& walk, const Node& node) {
  auto p = permutation(node, walk.layout().rank());
  if (!p) return fail(p.error().what);
  walk.lay_out(walk.layout().transposed(*p));
  return {};
}

Result<void> squeeze(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only({"axes"}); !ok) return ok;
  auto listed = walk.integers(node, 1, "axes");
  if (!listed) return fail(listed.error().what);
  const auto sizes = walk.sizes();
  if (listed->empty())
    for (std::size_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] == 1) listed->push_back(static_cast<std::int64_t>(i));
  auto axes = positive_axes(node, *listed, sizes.size());
  if (!axes) return fail(axes.error().what);
  Layout layout = walk.layout();
  for (auto i = axes->rbegin(); i != axes->rend(); ++i) {
    if (sizes[*i] != 1)
      return fail(describe(node) + " removes axis " + std::to_string(*i) + " of " + describe(sizes) +
                  ", whose size is not 1");
    layout = layout.without(*i);
  }
  walk.lay_out(std::move(layout));
  return {};
}

Result<void> unsqueeze(Walk& walk, const Node& node) {
  if (auto ok = Attributes(node).only({"axes"}); !ok) return ok;
  auto listed = walk.integers(node, 1, "axes");
  if (!listed) return fail(listed.error().what);
  auto axes = positive_axes(node, *listed, walk.layout().rank() + listed->size());
  if (!axes) return fail(axes.error().what);
  Layout layout = walk.layout();
  for (const std::size_t i : *axes) layout = layout.with_unit(i);
  walk.lay_out(std::move(layout));
  return {};
}

}  // namespace operators

namespace constants {

Result<Constant> shape(const Node& node, const Operands& in) {
  return shape_constant(node, in[0]->dims);
}

Result<Constant> flatten(const Node& node, const Operands& in) {
  Constant x = *in[0];
  auto axis = operators::flatten_axis(node, x.dims.size());
  if (!axis) return fail(axis.error().what);
  std::int64_t rows = 1, columns = 1;
  for (std::size_t i = 0; i < x.dims.size(); ++i) (i < *axis ? rows : columns) *= x.dims[i];
  x.dims = {rows, columns};
  return x;
}

Result<Constant> reshape(const Node& node, const Operands& in) {
  Constant x = *in[0];
  std::vector<std::int64_t> wanted;
  if (in.size() > 1 && in[1] != nullptr) {
    const auto* values = std::get_if<std::vector<std::int64_t>>(&in[1]->values);
    if (values == nullptr || in[1]->dims.size() != 1)
      return fail(describe(node) + " must have a list of INT64 as its shape");
    wanted = *values;
  } else {
    auto attribute = Attributes(node).integers("shape");
    if (!attribute) return fail(attribute.error().what);
    wanted = std::move(*attribute);
  }
  auto sizes = reshape_sizes(node, x.dims, wanted);
  if (!sizes) return fail(sizes.error().what);
  x.dims = std::move(*sizes);
  return x;
}

namespace {

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

/// The axes that Squeeze and Unsqueeze name, as an attribute or, later, as an input.
Result<std::vector<std::int64_t>> listed_axes(const Node& node, const Operands& in) {
  if (auto ok = Attributes(node).only({"axes"}); !ok) return fail(ok.error().what);
  if (in.size() < 2 || in[1] == nullptr) return Attributes(node).integers("axes");
  const auto* values = std::get_if<std::vector<std::int64_t>>(&in[1]->values);
  if (values == nullptr) return fail(describe(node) + " must have a list of INT64 as its axes");
  return *values;
}

}  // namespace

Result<Constant> transpose(const Node& node, const Operands& in) {
  const Constant& x = *in[0];
  auto p = permutation(node, x.dims.size());
  if (!p) return fail(p.error().what);
  const std::size_t rank = x.dims.size();
  std::vector<std::size_t> in_strides(rank, 1), out_dims, strides;
  for (std::size_t i = rank; i-- > 1;) in_strides[i - 1] = in_strides[i] * static_cast<std::size_t>(x.dims[i]);
  Constant out;
  for (const std::int64_t from : *p) {
    const auto f = static_cast<std::size_t>(from);
    out.dims.push_back(x.dims[f]);
    out_dims.push_back(static_cast<std::size_t>(x.dims[f]));
    strides.push_back(in_strides[f]);
  }
  std::visit([&](const auto& v) { out.values = transposed(v, out_dims, strides); }, x.values);
  return out;
}

Result<Constant> squeeze(const Node& node, const Operands& in) {
  Constant x = *in[0];
  auto listed = listed_axes(node, in);
  if (!listed) return fail(listed.error().what);
  if (listed->empty())
    for (std::size_t i = 0; i < x.dims.size(); ++i)
      if (x.dims[i] == 1) listed->push_back(static_cast<std::int64_t>(i));
  auto axes = positive_axes(node, *listed, x.dims.size());
  if (!axes) return fail(axes.error().what);
  for (auto i = axes->rbegin(); i != axes->rend(); ++i) {
    if (x.dims[*i] != 1)
      return fail(describe(node) + " removes axis " + std::to_string(*i) + " of " + describe(x.dims) +
                  ", whose size is not 1");
    x.dims.erase(x.dims.begin() + static_cast<std::ptrdiff_t>(*i));
  }
  return x;
}

Result<Constant> unsqueeze(const Node& node, const Operands& in) {
  Constant x = *in[0];
  auto listed = listed_axes(node, in);
  if (!listed) return fail(listed.error().what);
  auto axes = positive_axes(node, *listed, x.dims.size() + listed->size());
  if (!axes) return fail(axes.error().what);
  for (const std::size_t i : *axes) x.dims.insert(x.dims.begin() + static_cast<std::ptrdiff_t>(i), 1);
  return x;
}

}  // namespace constants

}  // namespace blindsight::model
