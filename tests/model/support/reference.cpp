#include "tests/model/support/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>

namespace blindsight::model::test {
namespace {

using Dims = std::vector<std::int64_t>;

std::size_t count(const Dims& dims) {
  std::size_t n = 1;
  for (const auto d : dims) n *= static_cast<std::size_t>(d);
  return n;
}

/// The multi-index of element `i`.
Dims index_of(std::size_t i, const Dims& dims) {
  Dims index(dims.size());
  for (std::size_t d = dims.size(); d-- > 0;) {
    index[d] = static_cast<std::int64_t>(i % static_cast<std::size_t>(dims[d]));
    i /= static_cast<std::size_t>(dims[d]);
  }
  return index;
}

std::size_t offset_of(const Dims& index, const Dims& dims) {
  std::size_t at = 0;
  for (std::size_t d = 0; d < dims.size(); ++d)
    at = at * static_cast<std::size_t>(dims[d]) + static_cast<std::size_t>(index[d]);
  return at;
}

[[noreturn]] void unfit(const onnx::NodeProto& node, const std::string& why) {
  throw std::runtime_error(node.op_type() + ": " + why);
}

struct Attributes {
  const onnx::NodeProto& node;

  const onnx::AttributeProto* find(const std::string& name) const {
    for (const auto& a : node.attribute())
      if (a.name() == name) return &a;
    return nullptr;
  }
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const {
    const auto* a = find(name);
    return a == nullptr ? otherwise : a->i();
  }
  double real(const std::string& name, double otherwise) const {
    const auto* a = find(name);
    return a == nullptr ? otherwise : static_cast<double>(a->f());
  }
  std::string text(const std::string& name) const {
    const auto* a = find(name);
    return a == nullptr ? "" : a->s();
  }
  Dims integers(const std::string& name, Dims otherwise) const {
    const auto* a = find(name);
    return a == nullptr ? otherwise : Dims(a->ints().begin(), a->ints().end());
  }
};

Tensor tensor_of(const onnx::TensorProto& t) {
  Tensor out{Dims(t.dims().begin(), t.dims().end()), {}};
  const auto raw = [&]<class T>(T) {
    for (std::size_t i = 0; i + sizeof(T) <= t.raw_data().size(); i += sizeof(T)) {
      T v;
      std::memcpy(&v, t.raw_data().data() + i, sizeof v);
      out.values.push_back(static_cast<double>(v));
    }
  };
  if (t.has_raw_data() && t.data_type() == onnx::TensorProto::FLOAT) raw(float{});
  if (t.has_raw_data() && t.data_type() == onnx::TensorProto::INT64) raw(std::int64_t{});
  for (const float v : t.float_data()) out.values.push_back(static_cast<double>(v));
  for (const auto v : t.int64_data()) out.values.push_back(static_cast<double>(v));
  for (const auto v : t.int32_data()) out.values.push_back(v);
  return out;
}

Tensor broadcast(const onnx::NodeProto& node, const Tensor& a, const Tensor& b,
                 const std::function<double(double, double)>& op) {
  const std::size_t rank = std::max(a.dims.size(), b.dims.size());
  const auto padded = [&](const Tensor& t) {
    Dims d(rank - t.dims.size(), 1);
    d.insert(d.end(), t.dims.begin(), t.dims.end());
    return d;
  };
  const Dims da = padded(a), db = padded(b);
  Tensor out;
  for (std::size_t i = 0; i < rank; ++i) {
    if (da[i] != db[i] && da[i] != 1 && db[i] != 1) unfit(node, "shapes that cannot be broadcast");
    out.dims.push_back(std::max(da[i], db[i]));
  }
  for (std::size_t i = 0; i < count(out.dims); ++i) {
    Dims ia = index_of(i, out.dims), ib = ia;
    for (std::size_t d = 0; d < rank; ++d) {
      if (da[d] == 1) ia[d] = 0;
      if (db[d] == 1) ib[d] = 0;
    }
    out.values.push_back(op(a.values[offset_of(ia, da)], b.values[offset_of(ib, db)]));
  }
  return out;
}

struct Sliding {
  Dims kernel, strides, dilations, begin, end;
};

Sliding sliding(const onnx::NodeProto& node, const Dims& in, const Dims& kernel) {
  const Attributes a{node};
  Sliding s{kernel, a.integers("strides", {1, 1}), a.integers("dilations", {1, 1}), {0, 0}, {0, 0}};
  const std::string how = a.text("auto_pad");
  const Dims pads = a.integers("pads", {0, 0, 0, 0});
  s.begin = {pads[0], pads[1]};
  s.end = {pads[2], pads[3]};
  if (how.starts_with("SAME"))
    for (std::size_t d = 0; d < 2; ++d) {
      const std::int64_t size = in[2 + d], out = (size + s.strides[d] - 1) / s.strides[d];
      const std::int64_t all =
          std::max<std::int64_t>(0, (out - 1) * s.strides[d] + (kernel[d] - 1) * s.dilations[d] + 1 - size);
      s.begin[d] = how == "SAME_UPPER" ? all / 2 : all - all / 2;
      s.end[d] = all - s.begin[d];
    }
  return s;
}

std::int64_t outputs(const Sliding& s, std::size_t d, std::int64_t in, bool ceil) {
  const std::int64_t covered = (s.kernel[d] - 1) * s.dilations[d] + 1, room = in + s.begin[d] + s.end[d] - covered;
  if (!ceil) return room < 0 ? 0 : room / s.strides[d] + 1;
  std::int64_t n = room + s.strides[d] - 1 < 0 ? 0 : (room + s.strides[d] - 1) / s.strides[d] + 1;
  if ((n - 1) * s.strides[d] >= in + s.begin[d]) --n;
  return n;
}

Tensor conv(const onnx::NodeProto& node, const Tensor& x, const Tensor& w, const Tensor* bias) {
  const Sliding s = sliding(node, x.dims, {w.dims[2], w.dims[3]});
  Tensor out{{1, w.dims[0], outputs(s, 0, x.dims[2], false), outputs(s, 1, x.dims[3], false)}, {}};
  for (std::size_t i = 0; i < count(out.dims); ++i) {
    const Dims at = index_of(i, out.dims);
    double sum = bias == nullptr ? 0 : bias->values[static_cast<std::size_t>(at[1])];
    for (std::int64_t c = 0; c < x.dims[1]; ++c)
      for (std::int64_t ky = 0; ky < s.kernel[0]; ++ky)
        for (std::int64_t kx = 0; kx < s.kernel[1]; ++kx) {
          const std::int64_t y = at[2] * s.strides[0] + ky * s.dilations[0] - s.begin[0],
                             z = at[3] * s.strides[1] + kx * s.dilations[1] - s.begin[1];
          if (y < 0 || y >= x.dims[2] || z < 0 || z >= x.dims[3]) continue;
          sum += x.values[offset_of({0, c, y, z}, x.dims)] * w.values[offset_of({at[1], c, ky, kx}, w.dims)];
        }
    out.values.push_back(sum);
  }
  return out;
}

Tensor pool(const onnx::NodeProto& node, const Tensor& x) {
  const Attributes a{node};
  const bool maximum = node.op_type() == "MaxPool";
  const Sliding s = sliding(node, x.dims, a.integers("kernel_shape", {}));
  const bool ceil = a.integer("ceil_mode", 0) != 0, include = a.integer("count_include_pad", 0) != 0;
  Tensor out{{1, x.dims[1], outputs(s, 0, x.dims[2], ceil), outputs(s, 1, x.dims[3], ceil)}, {}};
  for (std::size_t i = 0; i < count(out.dims); ++i) {
    const Dims at = index_of(i, out.dims);
    double sum = 0, largest = -std::numeric_limits<double>::infinity(), n = 0;
    for (std::int64_t ky = 0; ky < s.kernel[0]; ++ky)
      for (std::int64_t kx = 0; kx < s.kernel[1]; ++kx) {
        const std::int64_t y = at[2] * s.strides[0] + ky * s.dilations[0] - s.begin[0],
                           z = at[3] * s.strides[1] + kx * s.dilations[1] - s.begin[1];
        const bool inside = y >= 0 && y < x.dims[2] && z >= 0 && z < x.dims[3];
        const bool padding =
            !inside && y >= -s.begin[0] && y < x.dims[2] + s.end[0] && z >= -s.begin[1] && z < x.dims[3] + s.end[1];
        if (inside || (padding && include)) ++n;
        if (!inside) continue;
        const double v = x.values[offset_of({0, at[1], y, z}, x.dims)];
        sum += v;
        largest = std::max(largest, v);
      }
    out.values.push_back(maximum ? largest : sum / n);
  }
  return out;
}

Tensor reduce(const Tensor& x, const Dims& axes, bool keep, bool maximum) {
  const auto rank = static_cast<std::int64_t>(x.dims.size());
  std::vector<bool> gone(x.dims.size(), axes.empty());
  for (const auto a : axes) gone[static_cast<std::size_t>(a < 0 ? a + rank : a)] = true;
  Dims kept = x.dims;
  for (std::size_t d = 0; d < kept.size(); ++d)
    if (gone[d]) kept[d] = 1;
  Tensor out{kept, std::vector<double>(count(kept), maximum ? -std::numeric_limits<double>::infinity() : 0)};
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    Dims at = index_of(i, x.dims);
    for (std::size_t d = 0; d < at.size(); ++d)
      if (gone[d]) at[d] = 0;
    double& to = out.values[offset_of(at, kept)];
    to = maximum ? std::max(to, x.values[i]) : to + x.values[i];
  }
  if (!maximum)
    for (double& v : out.values) v /= static_cast<double>(x.values.size() / out.values.size());
  if (!keep) {
    out.dims.clear();
    for (std::size_t d = 0; d < kept.size(); ++d)
      if (!gone[d]) out.dims.push_back(x.dims[d]);
  }
  return out;
}

Tensor transpose(const Tensor& x, Dims perm) {
  if (perm.empty())
    for (std::size_t i = x.dims.size(); i-- > 0;) perm.push_back(static_cast<std::int64_t>(i));
  Tensor out;
  for (const auto p : perm) out.dims.push_back(x.dims[static_cast<std::size_t>(p)]);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const Dims at = index_of(i, out.dims);
    Dims from(at.size());
    for (std::size_t d = 0; d < at.size(); ++d) from[static_cast<std::size_t>(perm[d])] = at[d];
    out.values.push_back(x.values[offset_of(from, x.dims)]);
  }
  return out;
}

/// The last dimension of x times a matrix.
Tensor multiply(const onnx::NodeProto& node, const Tensor& x, const Tensor& w) {
  if (x.dims.back() != w.dims[0]) unfit(node, "inner dimensions differ");
  Tensor out{x.dims, {}};
  out.dims.back() = w.dims[1];
  const auto in = static_cast<std::size_t>(w.dims[0]), columns = static_cast<std::size_t>(w.dims[1]);
  for (std::size_t r = 0; r < x.values.size() / in; ++r)
    for (std::size_t o = 0; o < columns; ++o) {
      double sum = 0;
      for (std::size_t i = 0; i < in; ++i) sum += x.values[r * in + i] * w.values[i * columns + o];
      out.values.push_back(sum);
    }
  return out;
}

Tensor softmax(const onnx::NodeProto& node, Tensor x, std::int64_t opset) {
  const auto rank = static_cast<std::int64_t>(x.dims.size());
  std::int64_t axis = Attributes{node}.integer("axis", opset < 13 ? 1 : -1);
  if (axis < 0) axis += rank;
  std::map<Dims, double> sums;
  const auto group = [&](std::size_t i) {
    Dims at = index_of(i, x.dims);
    for (std::int64_t d = axis; d < (opset < 13 ? rank : axis + 1); ++d) at[static_cast<std::size_t>(d)] = 0;
    return at;
  };
  for (std::size_t i = 0; i < x.values.size(); ++i) sums[group(i)] += std::exp(x.values[i]);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double p = std::exp(x.values[i]) / sums[group(i)];
    x.values[i] = node.op_type() == "Softmax" ? p : std::log(p);
  }
  return x;
}

Tensor pad(const onnx::NodeProto& node, const Tensor& x, Dims pads, const Dims& axes) {
  Dims before(x.dims.size(), 0), after = before;
  for (std::size_t i = 0; i < pads.size() / 2; ++i) {
    std::int64_t d = axes.empty() ? static_cast<std::int64_t>(i) : axes[i];
    if (d < 0) d += static_cast<std::int64_t>(x.dims.size());
    before[static_cast<std::size_t>(d)] = pads[i];
    after[static_cast<std::size_t>(d)] = pads[i + pads.size() / 2];
  }
  if (Attributes{node}.real("value", 0) != 0) unfit(node, "pads with another value");
  Tensor out{x.dims, {}};
  for (std::size_t d = 0; d < x.dims.size(); ++d) out.dims[d] += before[d] + after[d];
  for (std::size_t i = 0; i < count(out.dims); ++i) {
    Dims at = index_of(i, out.dims);
    bool inside = true;
    for (std::size_t d = 0; d < at.size(); ++d) {
      at[d] -= before[d];
      inside = inside && at[d] >= 0 && at[d] < x.dims[d];
    }
    out.values.push_back(inside ? x.values[offset_of(at, x.dims)] : 0);
  }
  return out;
}

Dims resolve(const onnx::NodeProto& node, const Tensor& x, const std::vector<double>& wanted) {
  Dims dims;
  std::size_t known = 1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto d = static_cast<std::int64_t>(wanted[i]);
    if (d == 0 && Attributes{node}.integer("allowzero", 0) == 0) d = x.dims.at(i);
    if (d != -1) known *= static_cast<std::size_t>(d);
    dims.push_back(d);
  }
  for (auto& d : dims)
    if (d == -1) d = static_cast<std::int64_t>(x.values.size() / known);
  if (count(dims) != x.values.size()) unfit(node, "cannot reshape");
  return dims;
}

Tensor gather(const Tensor& x, const Tensor& indices, std::int64_t axis) {
  if (axis < 0) axis += static_cast<std::int64_t>(x.dims.size());
  const auto a = static_cast<std::size_t>(axis);
  Tensor out;
  out.dims.assign(x.dims.begin(), x.dims.begin() + axis);
  out.dims.insert(out.dims.end(), indices.dims.begin(), indices.dims.end());
  out.dims.insert(out.dims.end(), x.dims.begin() + axis + 1, x.dims.end());
  for (std::size_t i = 0; i < count(out.dims); ++i) {
    const Dims at = index_of(i, out.dims);
    const Dims pick(at.begin() + axis, at.begin() + axis + static_cast<std::ptrdiff_t>(indices.dims.size()));
    Dims from(at.begin(), at.begin() + axis);
    auto k = static_cast<std::int64_t>(indices.values[offset_of(pick, indices.dims)]);
    from.push_back(k < 0 ? k + x.dims[a] : k);
    from.insert(from.end(), at.begin() + axis + static_cast<std::ptrdiff_t>(indices.dims.size()), at.end());
    out.values.push_back(x.values[offset_of(from, x.dims)]);
  }
  return out;
}

Tensor concat(const std::vector<const Tensor*>& in, std::int64_t axis) {
  if (axis < 0) axis += static_cast<std::int64_t>(in[0]->dims.size());
  const auto a = static_cast<std::size_t>(axis);
  Tensor out{in[0]->dims, {}};
  out.dims[a] = 0;
  for (const Tensor* t : in) out.dims[a] += t->dims[a];
  for (std::size_t i = 0; i < count(out.dims); ++i) {
    Dims at = index_of(i, out.dims);
    std::size_t part = 0;
    while (at[a] >= in[part]->dims[a]) at[a] -= in[part++]->dims[a];
    out.values.push_back(in[part]->values[offset_of(at, in[part]->dims)]);
  }
  return out;
}

Tensor slice(const Tensor& x, const Dims& starts, const Dims& ends, Dims axes) {
  if (axes.empty())
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  Dims first(x.dims.size(), 0);
  Tensor out{x.dims, {}};
  for (std::size_t k = 0; k < starts.size(); ++k) {
    const auto a = static_cast<std::size_t>(axes[k] < 0 ? axes[k] + static_cast<std::int64_t>(x.dims.size()) : axes[k]);
    const std::int64_t n = x.dims[a];
    const auto clamp = [n](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + n : i, 0, n); };
    first[a] = clamp(starts[k]);
    out.dims[a] = clamp(ends[k]) - first[a];
  }
  for (std::size_t i = 0; i < count(out.dims); ++i) {
    Dims at = index_of(i, out.dims);
    for (std::size_t d = 0; d < at.size(); ++d) at[d] += first[d];
    out.values.push_back(x.values[offset_of(at, x.dims)]);
  }
  return out;
}

class Evaluation {
 public:
  Evaluation(const onnx::ModelProto& model, const std::vector<double>& image) : model_(model) {
    for (const auto& set : model.opset_import()) opset_ = set.version();
    for (const auto& t : model.graph().initializer()) values_[t.name()] = tensor_of(t);
    const auto& input = model.graph().input(0);
    Tensor x{{}, image};
    for (const auto& d : input.type().tensor_type().shape().dim())
      x.dims.push_back(std::max<std::int64_t>(1, d.dim_value()));
    values_[input.name()] = std::move(x);
  }

  Tensor run() {
    for (const auto& node : model_.graph().node()) values_[node.output(0)] = apply(node);
    return values_.at(model_.graph().output(0).name());
  }

 private:
  const Tensor& in(const onnx::NodeProto& node, int i) const { return values_.at(node.input(i)); }
  const Tensor* maybe(const onnx::NodeProto& node, int i) const {
    return i < node.input_size() && !node.input(i).empty() ? &values_.at(node.input(i)) : nullptr;
  }
  Dims list(const onnx::NodeProto& node, int i, const char* attribute) const {
    const Tensor* t = maybe(node, i);
    if (t == nullptr) return Attributes{node}.integers(attribute, {});
    return Dims(t->values.begin(), t->values.end());
  }

  Tensor apply(const onnx::NodeProto& node) {
    const std::string& op = node.op_type();
    const Attributes a{node};
    if (op == "Constant") {
      if (const auto* value = a.find("value")) return tensor_of(value->t());
      const Dims ints = a.integers("value_ints", {});
      if (!ints.empty()) return {{static_cast<std::int64_t>(ints.size())}, {ints.begin(), ints.end()}};
      if (a.find("value_int") != nullptr) return {{}, {static_cast<double>(a.integer("value_int", 0))}};
      return {{}, {a.real("value_float", 0)}};
    }
    const Tensor& x = in(node, 0);
    if (op == "Conv") return conv(node, x, in(node, 1), maybe(node, 2));
    if (op == "MaxPool" || op == "AveragePool") return pool(node, x);
    if (op == "GlobalAveragePool") return reduce(x, {2, 3}, true, false);
    if (op == "GlobalMaxPool") return reduce(x, {2, 3}, true, true);
    if (op == "ReduceMean" || op == "ReduceMax")
      return reduce(x, list(node, 1, "axes"), a.integer("keepdims", 1) != 0, op == "ReduceMax");
    if (op == "Relu") return each(x, [](double v) { return std::max(v, 0.0); });
    if (op == "Sigmoid") return each(x, [](double v) { return 1 / (1 + std::exp(-v)); });
    if (op == "Clip") {
      const Tensor *low = maybe(node, 1), *high = maybe(node, 2);
      const double from = low != nullptr ? low->values[0] : a.real("min", -1e300),
                   to = high != nullptr ? high->values[0] : a.real("max", 1e300);
      return each(x, [&](double v) { return std::clamp(v, from, to); });
    }
    if (op == "Max") return broadcast(node, x, in(node, 1), [](double u, double v) { return std::max(u, v); });
    if (op == "Add") return broadcast(node, x, in(node, 1), [](double u, double v) { return u + v; });
    if (op == "Sub") return broadcast(node, x, in(node, 1), [](double u, double v) { return u - v; });
    if (op == "Mul") return broadcast(node, x, in(node, 1), [](double u, double v) { return u * v; });
    if (op == "Div") return broadcast(node, x, in(node, 1), [](double u, double v) { return u / v; });
    if (op == "BatchNormalization") {
      Tensor out = x;
      for (std::size_t i = 0; i < out.values.size(); ++i) {
        const auto c = static_cast<std::size_t>(index_of(i, x.dims)[1]);
        out.values[i] = (x.values[i] - in(node, 3).values[c]) /
                            std::sqrt(in(node, 4).values[c] + a.real("epsilon", static_cast<double>(1e-5F))) *
                            in(node, 1).values[c] +
                        in(node, 2).values[c];
      }
      return out;
    }
    if (op == "Gemm") {
      const Tensor w = a.integer("transB", 0) != 0 ? transpose(in(node, 1), {}) : in(node, 1);
      Tensor out = each(multiply(node, x, w), [&](double v) { return v * a.real("alpha", 1); });
      if (const Tensor* c = maybe(node, 2))
        out = broadcast(node, out, *c, [&](double u, double v) { return u + a.real("beta", 1) * v; });
      return out;
    }
    if (op == "MatMul") return multiply(node, x, in(node, 1));
    if (op == "Softmax" || op == "LogSoftmax") return softmax(node, x, opset_);
    if (op == "Pad") return pad(node, x, list(node, 1, "pads"), list(node, 3, "axes"));
    if (op == "Identity" || op == "Dropout" || op == "Cast") return x;
    if (op == "Flatten") {
      std::int64_t axis = a.integer("axis", 1);
      if (axis < 0) axis += static_cast<std::int64_t>(x.dims.size());
      const auto rows = static_cast<std::int64_t>(count({x.dims.begin(), x.dims.begin() + axis}));
      return {{rows, static_cast<std::int64_t>(x.values.size()) / rows}, x.values};
    }
    if (op == "Reshape") return {resolve(node, x, in(node, 1).values), x.values};
    if (op == "Transpose") return transpose(x, a.integers("perm", {}));
    if (op == "Squeeze") {
      const Dims axes = list(node, 1, "axes");
      const auto rank = static_cast<std::int64_t>(x.dims.size());
      Tensor out{{}, x.values};
      for (std::int64_t d = 0; d < rank; ++d) {
        const bool named = std::count(axes.begin(), axes.end(), d) + std::count(axes.begin(), axes.end(), d - rank) > 0;
        if (axes.empty() ? x.dims[static_cast<std::size_t>(d)] != 1 : !named)
          out.dims.push_back(x.dims[static_cast<std::size_t>(d)]);
      }
      return out;
    }
    if (op == "Unsqueeze") {
      Dims axes = list(node, 1, "axes");
      for (auto& d : axes)
        if (d < 0) d += static_cast<std::int64_t>(x.dims.size() + axes.size());
      std::sort(axes.begin(), axes.end());
      Tensor out = x;
      for (const auto d : axes) out.dims.insert(out.dims.begin() + d, 1);
      return out;
    }
    if (op == "Shape") return {{static_cast<std::int64_t>(x.dims.size())}, {x.dims.begin(), x.dims.end()}};
    if (op == "Gather") return gather(x, in(node, 1), a.integer("axis", 0));
    if (op == "Concat") {
      std::vector<const Tensor*> parts;
      for (int i = 0; i < node.input_size(); ++i) parts.push_back(&in(node, i));
      return concat(parts, a.integer("axis", 0));
    }
    if (op == "Slice") return slice(x, list(node, 1, "starts"), list(node, 2, "ends"), list(node, 3, "axes"));
    if (op == "DequantizeLinear") {
      const Tensor& s = in(node, 1);
      const Tensor* z = maybe(node, 2);
      std::int64_t axis = a.integer("axis", 1);
      if (axis < 0) axis += static_cast<std::int64_t>(x.dims.size());
      Tensor out = x;
      for (std::size_t i = 0; i < x.values.size(); ++i) {
        const std::size_t c =
            s.values.size() == 1 ? 0 : static_cast<std::size_t>(index_of(i, x.dims)[static_cast<std::size_t>(axis)]);
        out.values[i] = (x.values[i] - (z == nullptr ? 0 : z->values[c])) * s.values[c];
      }
      return out;
    }
    unfit(node, "not known to the reference");
  }

  static Tensor each(Tensor x, const std::function<double(double)>& f) {
    for (double& v : x.values) v = f(v);
    return x;
  }

  const onnx::ModelProto& model_;
  std::int64_t opset_ = 0;
  std::map<std::string, Tensor> values_;
};

}  // namespace

Tensor evaluate(const onnx::ModelProto& model, const std::vector<double>& image) {
  return Evaluation(model, image).run();
}

}  // namespace blindsight::model::test
