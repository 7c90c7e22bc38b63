#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "model/fault.h"
#include "model/passes/attributes.h"
#include "model/passes/operators.h"

namespace blindsight::model {

using protocol::Result;

namespace {

// TensorProto.DataType
constexpr std::int64_t type_float = 1, type_int32 = 6, type_int64 = 7, type_bool = 9, type_float16 = 10,
                       type_double = 11, type_bfloat16 = 16;

}  // namespace

bool is_real_type(std::int64_t type) {
  return type == type_float || type == type_float16 || type == type_double || type == type_bfloat16;
}

namespace constants {

namespace {

/// Elements that a node may make of `in` elements: what only spreads values out is refused before it takes memory.
bool is_sane_growth(std::size_t in, std::size_t out) {
  return out <= 4 * in + (std::size_t{1} << 20);
}

std::string copied_too_often(const Node& node) {
  return describe(node) + " copies the model's constants too often: simplify the model";
}

std::size_t product(const std::vector<std::int64_t>& dims, std::size_t begin, std::size_t end) {
  std::size_t n = 1;
  for (std::size_t i = begin; i < end; ++i) n *= static_cast<std::size_t>(dims[i]);
  return n;
}

Result<std::vector<std::int64_t>> integers(const Node& node, const Constant& c, const char* what) {
  if (const auto* v = std::get_if<std::vector<std::int64_t>>(&c.values)) return *v;
  if (const auto* v = std::get_if<std::vector<std::int32_t>>(&c.values))
    return std::vector<std::int64_t>(v->begin(), v->end());
  return fail(describe(node) + ": its " + what + " must be integers");
}

Result<std::size_t> axis_of(const Node& node, std::int64_t otherwise, std::size_t rank) {
  auto axis = Attributes(node).integer("axis", otherwise);
  if (!axis) return fail(axis.error().what);
  auto positive = positive_axes(node, {*axis}, rank);
  if (!positive) return fail(positive.error().what);
  return positive->front();
}

}  // namespace

Result<Constant> constant(const Node& node, const Operands&) {
  if (node.attributes.size() != 1) return fail(describe(node) + " must have exactly one attribute, its value");
  const auto& [name, attribute] = *node.attributes.begin();
  if (name == "value" && std::holds_alternative<Constant>(attribute)) return std::get<Constant>(attribute);
  if (name == "value_float" && std::holds_alternative<float>(attribute))
    return Constant{{}, std::vector<float>{std::get<float>(attribute)}};
  if (name == "value_int" && std::holds_alternative<std::int64_t>(attribute))
    return Constant{{}, std::vector<std::int64_t>{std::get<std::int64_t>(attribute)}};
  const auto list = [](const auto& values) { return Constant{{static_cast<std::int64_t>(values.size())}, values}; };
  if (name == "value_floats" && std::holds_alternative<std::vector<float>>(attribute))
    return list(std::get<std::vector<float>>(attribute));
  if (name == "value_ints" && std::holds_alternative<std::vector<std::int64_t>>(attribute))
    return list(std::get<std::vector<std::int64_t>>(attribute));
  return fail(describe(node) + ": supported attributes are value, value_float, value_floats, value_int and value_ints");
}

Result<Constant> identity(const Node&, const Operands& in) {
  return *in[0];
}

Result<Constant> cast(const Node& node, const Operands& in) {
  if (auto ok = Attributes(node).only({"to", "saturate", "round_mode"}); !ok) return fail(ok.error().what);
  auto to = Attributes(node).integer("to", 0);
  if (!to) return fail(to.error().what);
  if (!is_real_type(*to) && *to != type_int32 && *to != type_int64 && *to != type_bool)
    return fail(describe(node) + " makes constants to type " + std::to_string(*to) +
                "; supported are FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT32, INT64 and BOOL");
  return std::visit(
      [&](const auto& from) -> Result<Constant> {
        using From = typename std::decay_t<decltype(from)>::value_type;
        Constant out{in[0]->dims, std::vector<float>{}};
        if (is_real_type(*to)) {
          std::vector<float> values(from.begin(), from.end());
          if (*to == type_float16)
            for (float& v : values) v = static_cast<float>(Eigen::half(v));
          if (*to == type_bfloat16)
            for (float& v : values) v = static_cast<float>(Eigen::bfloat16(v));
          out.values = std::move(values);
          return out;
        }
        std::vector<std::int64_t> values;
        values.reserve(from.size());
        const double low = *to == type_int32 ? std::numeric_limits<std::int32_t>::min() : -0x1p63,
                     high = *to == type_int32 ? std::numeric_limits<std::int32_t>::max() : 0x1p63;
        for (const From v : from) {
          const auto real = static_cast<double>(v);
          if (*to == type_bool) {
            values.push_back(v != From{0} ? 1 : 0);
          } else if constexpr (std::is_floating_point_v<From>) {
            if (!(std::trunc(real) >= low && std::trunc(real) < high))
              return fail(describe(node) + " casts a value that does not fit the type");
            values.push_back(static_cast<std::int64_t>(v));
          } else {
            if (real < low || real > high) return fail(describe(node) + " casts a value that does not fit the type");
            values.push_back(v);
          }
        }
        if (*to == type_int64)
          out.values = std::move(values);
        else
          out.values = std::vector<std::int32_t>(values.begin(), values.end());
        return out;
      },
      in[0]->values);
}

/// (x − zero) · scale, per tensor or along `axis`.
Result<Constant> dequantize(const Node& node, const Operands& in) {
  const Attributes attributes(node);
  if (auto ok = attributes.only({"axis", "block_size", "output_dtype"}); !ok) return fail(ok.error().what);
  auto axis = attributes.integer("axis", 1), block = attributes.integer("block_size", 0),
       type = attributes.integer("output_dtype", 0);
  if (!axis) return fail(axis.error().what);
  if (!block) return fail(block.error().what);
  if (!type) return fail(type.error().what);
  if (*block != 0)
    return fail(describe(node) + " has blocks of " + std::to_string(*block) +
                " values with a scale each; supported is one scale, or one for each channel (block_size 0)");
  if (*type != 0 && !is_real_type(*type)) return fail(describe(node) + " has an output_dtype that is not of reals");
  const Constant &x = *in[0], &scale = *in[1];
  const Constant* zero = in.size() > 2 ? in[2] : nullptr;
  const auto* q = std::get_if<std::vector<std::int32_t>>(&x.values);
  const auto* s = std::get_if<std::vector<float>>(&scale.values);
  const auto* z = zero != nullptr ? std::get_if<std::vector<std::int32_t>>(&zero->values) : nullptr;
  if (q == nullptr || s == nullptr || (zero != nullptr && z == nullptr))
    return fail(describe(node) +
                " must have integer values (INT8, UINT8, INT16, UINT16 or INT32), a FLOAT scale and an integer zero "
                "point");
  std::size_t channels = 1, inner = 1;
  if (s->size() != 1) {
    const auto rank = static_cast<std::int64_t>(x.dims.size());
    const std::int64_t a = *axis < 0 ? *axis + rank : *axis;
    if (a < 0 || a >= rank || static_cast<std::size_t>(x.dims[static_cast<std::size_t>(a)]) != s->size())
      return fail(describe(node) + " has " + std::to_string(s->size()) + " scales along axis " + std::to_string(*axis) +
                  " of a tensor of shape " + describe(x.dims));
    channels = s->size();
    inner = product(x.dims, static_cast<std::size_t>(a) + 1, x.dims.size());
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

namespace {

template <class T>
Result<std::vector<T>> combine(const Node& node, const std::vector<T>& a, const std::vector<T>& b,
                               const std::vector<std::size_t>& from_a, const std::vector<std::size_t>& from_b) {
  const char op = node.op[0];
  std::vector<T> out(from_a.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T x = a[from_a[i]], y = b[from_b[i]];
    if constexpr (std::is_integral_v<T>) {
      // Sums wrap as two's complement, which numbers of a sane model never do.
      using U = std::make_unsigned_t<T>;
      const U u = static_cast<U>(x), v = static_cast<U>(y);
      if (op == 'D' && (y == 0 || (y == -1 && x == std::numeric_limits<T>::min())))
        return fail(describe(node) + " divides constants by zero");
      out[i] = op == 'A'   ? static_cast<T>(u + v)
               : op == 'S' ? static_cast<T>(u - v)
               : op == 'M' ? static_cast<T>(u * v)
                           : static_cast<T>(x / y);
    } else {
      out[i] = op == 'A' ? x + y : op == 'S' ? x - y : op == 'M' ? x * y : x / y;
    }
  }
  return out;
}

/// For each element of `dims`, where it is found in a tensor of shape `own` that is broadcast to it.
std::vector<std::size_t> sources(const std::vector<std::int64_t>& dims, const std::vector<std::int64_t>& own) {
  const std::size_t n = product(dims, 0, dims.size()), skipped = dims.size() - own.size();
  std::vector<std::size_t> strides(dims.size(), 0);
  std::size_t step = 1;
  for (std::size_t k = own.size(); k-- > 0;) {
    if (own[k] != 1) strides[skipped + k] = step;
    step *= static_cast<std::size_t>(own[k]);
  }
  std::vector<std::size_t> index(dims.size(), 0), out(n);
  std::size_t from = 0;
  for (auto& source : out) {
    source = from;
    for (std::size_t d = dims.size(); d-- > 0;) {
      from += strides[d];
      if (++index[d] < static_cast<std::size_t>(dims[d])) break;
      from -= strides[d] * static_cast<std::size_t>(dims[d]);
      index[d] = 0;
    }
  }
  return out;
}

}  // namespace

Result<Constant> arithmetic(const Node& node, const Operands& in) {
  if (auto ok = Attributes(node).only({}); !ok) return fail(ok.error().what);
  const Constant &a = *in[0], &b = *in[1];
  const std::size_t rank = std::max(a.dims.size(), b.dims.size());
  std::vector<std::int64_t> dims(rank, 1);
  std::size_t elements = 1;
  const auto refuse = [&] {
    return fail(describe(node) + " has constants of shapes " + describe(a.dims) + " and " + describe(b.dims) +
                ", which do not fit each other");
  };
  for (std::size_t i = 0; i < rank; ++i) {
    const auto side = [&](const Constant& c) {
      return i + c.dims.size() < rank ? std::int64_t{1} : c.dims[i + c.dims.size() - rank];
    };
    if (side(a) != side(b) && side(a) != 1 && side(b) != 1) return refuse();
    dims[i] = std::max(side(a), side(b));
    if (elements > (std::size_t{1} << 32) / static_cast<std::size_t>(dims[i])) return refuse();
    elements *= static_cast<std::size_t>(dims[i]);
  }
  if (!is_sane_growth(a.elements() + b.elements(), elements)) return refuse();
  if (a.values.index() != b.values.index()) return fail(describe(node) + " has constants of different types");
  const auto from_a = sources(dims, a.dims), from_b = sources(dims, b.dims);
  return std::visit(
      [&](const auto& x) -> Result<Constant> {
        auto values = combine(node, x, std::get<std::decay_t<decltype(x)>>(b.values), from_a, from_b);
        if (!values) return fail(values.error().what);
        return Constant{dims, std::move(*values)};
      },
      a.values);
}

Result<Constant> concat(const Node& node, const Operands& in) {
  if (auto ok = Attributes(node).only({"axis"}); !ok) return fail(ok.error().what);
  const std::size_t rank = in[0]->dims.size();
  auto axis = axis_of(node, 0, rank);
  if (!axis) return fail(axis.error().what);
  std::vector<std::int64_t> dims = in[0]->dims;
  dims[*axis] = 0;
  std::set<const Constant*> different;
  std::size_t known = 0, joined_elements = 0;
  for (const Constant* c : in) {
    if (c == nullptr || c->values.index() != in[0]->values.index() || c->dims.size() != rank)
      return fail(describe(node) + " joins constants of different types or ranks");
    for (std::size_t i = 0; i < rank; ++i)
      if (i != *axis && c->dims[i] != dims[i])
        return fail(describe(node) + " joins constants of shapes " + describe(in[0]->dims) + " and " +
                    describe(c->dims));
    dims[*axis] += c->dims[*axis];
    joined_elements += c->elements();
    if (different.insert(c).second) known += c->elements();
  }
  if (!is_sane_growth(known, joined_elements)) return fail(copied_too_often(node));
  Constant out{std::move(dims), in[0]->values};
  const std::size_t outer = product(out.dims, 0, *axis);
  std::visit(
      [&](auto& values) {
        using Values = std::decay_t<decltype(values)>;
        Values joined;
        for (std::size_t o = 0; o < outer; ++o)
          for (const Constant* c : in) {
            const auto& part = std::get<Values>(c->values);
            const std::size_t run = part.size() / outer;
            joined.insert(joined.end(), part.begin() + static_cast<std::ptrdiff_t>(o * run),
                          part.begin() + static_cast<std::ptrdiff_t>((o + 1) * run));
          }
        values = std::move(joined);
      },
      out.values);
  return out;
}

Result<Constant> gather(const Node& node, const Operands& in) {
  if (auto ok = Attributes(node).only({"axis"}); !ok) return fail(ok.error().what);
  const Constant& x = *in[0];
  auto axis = axis_of(node, 0, x.dims.size());
  if (!axis) return fail(axis.error().what);
  auto indices = integers(node, *in[1], "indices");
  if (!indices) return fail(indices.error().what);
  const std::int64_t size = x.dims[*axis];
  for (std::int64_t& i : *indices) {
    if (i < -size || i >= size)
      return fail(describe(node) + " takes element " + std::to_string(i) + " of " + std::to_string(size));
    if (i < 0) i += size;
  }
  const std::size_t outer = product(x.dims, 0, *axis), inner = product(x.dims, *axis + 1, x.dims.size());
  if (!is_sane_growth(x.elements() + indices->size(), outer * inner * indices->size()))
    return fail(copied_too_often(node));
  if (auto ok = check_rank(node, x.dims.size() - 1 + in[1]->dims.size()); !ok) return fail(ok.error().what);
  Constant out;
  out.dims.assign(x.dims.begin(), x.dims.begin() + static_cast<std::ptrdiff_t>(*axis));
  out.dims.insert(out.dims.end(), in[1]->dims.begin(), in[1]->dims.end());
  out.dims.insert(out.dims.end(), x.dims.begin() + static_cast<std::ptrdiff_t>(*axis) + 1, x.dims.end());
  std::visit(
      [&](const auto& values) {
        std::decay_t<decltype(values)> taken;
        taken.reserve(outer * indices->size() * inner);
        for (std::size_t o = 0; o < outer; ++o)
          for (const std::int64_t i : *indices) {
            const auto first =
                values.begin() +
                static_cast<std::ptrdiff_t>((o * static_cast<std::size_t>(size) + static_cast<std::size_t>(i)) * inner);
            taken.insert(taken.end(), first, first + static_cast<std::ptrdiff_t>(inner));
          }
        out.values = std::move(taken);
      },
      x.values);
  return out;
}

Result<Constant> slice(const Node& node, const Operands& in) {
  if (auto ok = Attributes(node).only({"starts", "ends", "axes"}); !ok) return fail(ok.error().what);
  const auto list = [&](std::size_t i, const char* name) -> Result<std::vector<std::int64_t>> {
    if (i < in.size() && in[i] != nullptr) return integers(node, *in[i], name);
    return Attributes(node).integers(name);
  };
  auto starts = list(1, "starts"), ends = list(2, "ends"), axes = list(3, "axes"), steps = list(4, "steps");
  for (const auto* r : {&starts, &ends, &axes, &steps})
    if (!*r) return fail(r->error().what);
  if (axes->empty())
    for (std::size_t i = 0; i < starts->size(); ++i) axes->push_back(static_cast<std::int64_t>(i));
  if (steps->empty()) steps->assign(starts->size(), 1);
  if (starts->size() != ends->size() || axes->size() != starts->size() || steps->size() != starts->size())
    return fail(describe(node) + " has starts, ends, axes and steps of different lengths");
  if (auto each_once = positive_axes(node, *axes, in[0]->dims.size()); !each_once) return fail(each_once.error().what);
  Constant x = *in[0];
  for (std::size_t k = 0; k < starts->size(); ++k) {
    auto axis = positive_axes(node, {(*axes)[k]}, x.dims.size());
    if (!axis) return fail(axis.error().what);
    const std::int64_t size = x.dims[axis->front()];
    if ((*steps)[k] != 1) return fail(describe(node) + " has step " + std::to_string((*steps)[k]) + "; supported is 1");
    const auto clamped = [&](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size); };
    const std::int64_t from = clamped(std::max((*starts)[k], -size)), to = clamped(std::max((*ends)[k], -size));
    if (to <= from) return fail(describe(node) + " makes a constant without values");
    const std::size_t outer = product(x.dims, 0, axis->front()),
                      inner = product(x.dims, axis->front() + 1, x.dims.size());
    std::visit(
        [&](auto& values) {
          std::decay_t<decltype(values)> taken;
          for (std::size_t o = 0; o < outer; ++o) {
            const auto row = values.begin() + static_cast<std::ptrdiff_t>(o * static_cast<std::size_t>(size) * inner);
            taken.insert(taken.end(), row + from * static_cast<std::ptrdiff_t>(inner),
                         row + to * static_cast<std::ptrdiff_t>(inner));
          }
          values = std::move(taken);
        },
        x.values);
    x.dims[axis->front()] = to - from;
  }
  return x;
}

}  // namespace constants

}  // namespace blindsight::model
