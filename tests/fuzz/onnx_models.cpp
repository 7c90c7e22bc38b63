#include "tests/fuzz/onnx_models.h"

#include <fuzzer/FuzzedDataProvider.h>

#include <cmath>
#include <vector>

namespace blindsight::fuzz {
namespace {

using Dims = std::vector<std::int64_t>;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::array<float, 8> odd_reals{0, -1, 1e-40F, 1e38F, -1e38F, HUGE_VALF, NAN, 1e9F};
/// Where external data may be said to be; scripts and the target lay a file `weights.bin` beside the model.
constexpr std::array<const char*, 7> places{"weights.bin", "../weights.bin", "/etc/hostname", "link.bin", "",
                                            ".",           "weights.bin/x"};

class Maker {
 public:
  explicit Maker(FuzzedDataProvider& from) : from_(from), graph_(*model_.mutable_graph()) {}

  onnx::ModelProto make() {
    oddities_ = from_.ConsumeIntegralInRange(0U, 3U);
    model_.set_ir_version(8);
    auto* set = model_.add_opset_import();
    set->set_version(odd() ? pick_edge() : from_.ConsumeIntegralInRange(7, 20));
    if (odd()) set->set_domain("com.example");
    graph_.set_name("fuzz");
    input();
    if (!odd()) coin() ? conv() : linear();
    for (unsigned n = from_.ConsumeIntegralInRange(0U, 9U); n > 0; --n) operation();
    if (!odd()) classifier();
    auto* output = graph_.add_output();
    output->set_name(odd() ? text() : value_);
    if (odd()) graph_.add_output()->set_name(text());
    return model_;
  }

 private:
  /// Whether something is not as it should be. A few such things a model: of one that is all wrong, only the first
  /// thing would be looked at.
  bool odd() {
    if (oddities_ == 0 || from_.ConsumeIntegral<std::uint8_t>() < 248) return false;
    --oddities_;
    return true;
  }
  bool coin() { return from_.ConsumeBool(); }
  std::int64_t pick_edge() { return from_.PickValueInArray(edges); }
  std::int64_t number(std::int64_t good) { return odd() ? pick_edge() : good; }
  std::int64_t number(std::int64_t least, std::int64_t most) {
    return number(from_.ConsumeIntegralInRange(least, most));
  }
  std::string text() {
    return coin() ? from_.ConsumeRandomLengthString(12) : "v" + std::to_string(from_.ConsumeIntegralInRange(0, 12));
  }
  std::string fresh() { return "v" + std::to_string(++names_); }
  bool flat() const { return dims_.size() != 4; }
  std::int64_t elements() const {
    std::int64_t n = 1;
    for (const auto d : dims_) n *= std::clamp<std::int64_t>(d, 1, 1 << 15);
    return std::min<std::int64_t>(n, 1 << 20);
  }
  std::int64_t channels() const { return flat() ? elements() : dims_[1]; }

  void input() {
    dims_ = {1, number(coin() ? 3 : from_.ConsumeIntegralInRange(1, 6)), number(1, 14), number(1, 14)};
    if (odd()) dims_.resize(from_.ConsumeIntegralInRange(0U, 5U), 2);
    auto* in = graph_.add_input();
    in->set_name(value_);
    auto* type = in->mutable_type()->mutable_tensor_type();
    type->set_elem_type(odd() ? from_.ConsumeIntegralInRange(0, 20) : onnx::TensorProto::FLOAT);
    for (std::size_t i = 0; i < dims_.size(); ++i) {
      auto* d = type->mutable_shape()->add_dim();
      if (i == 0 && coin())
        d->set_dim_param("N");
      else
        d->set_dim_value(dims_[i]);
    }
    if (odd()) *graph_.add_input() = *in, graph_.mutable_input(1)->set_name(text());
  }

  float real() {
    if (odd()) return from_.PickValueInArray(odd_reals);
    return static_cast<float>(from_.ConsumeIntegral<std::int8_t>()) / 64;
  }

  /// Values follow from one byte, so that a few bytes make a whole tensor.
  void fill(onnx::TensorProto& t, std::size_t count) {
    Random random(1U + from_.ConsumeIntegral<std::uint8_t>());
    const bool raw = coin(), special = odd();
    const std::size_t at = special && count > 0 ? from_.ConsumeIntegralInRange<std::size_t>(0, count - 1) : count;
    const float odd_real = special ? from_.PickValueInArray(odd_reals) : 0;
    const auto put_raw = [&](const auto& v) {
      t.mutable_raw_data()->append(reinterpret_cast<const char*>(&v), sizeof v);
    };
    if (raw) t.set_raw_data("");
    for (std::size_t i = 0; i < count; ++i) {
      const int whole = static_cast<int>(random() % 255) - 127;
      const float v = i == at ? odd_real : static_cast<float>(whole) / 256;
      switch (t.data_type()) {
        case onnx::TensorProto::FLOAT:
          raw ? put_raw(v) : t.add_float_data(v);
          break;
        case onnx::TensorProto::DOUBLE:
          raw ? put_raw(static_cast<double>(v)) : t.add_double_data(v);
          break;
        case onnx::TensorProto::INT64:
          raw ? put_raw(static_cast<std::int64_t>(whole)) : t.add_int64_data(whole);
          break;
        case onnx::TensorProto::INT8:
        case onnx::TensorProto::UINT8:
        case onnx::TensorProto::BOOL:
          raw ? put_raw(static_cast<std::int8_t>(whole)) : t.add_int32_data(whole);
          break;
        case onnx::TensorProto::FLOAT16:
        case onnx::TensorProto::BFLOAT16:
          raw ? put_raw(static_cast<std::uint16_t>(random() % 0x10000))
              : t.add_int32_data(static_cast<int>(random() % 0x10000));
          break;
        default:
          raw ? put_raw(whole) : t.add_int32_data(whole);
      }
    }
  }

  static std::size_t product(const Dims& dims) {
    constexpr std::int64_t most = 40'000;
    std::int64_t n = 1;
    for (const auto d : dims) n = d <= 0 || d > most ? 0 : std::min(most + 1, n * d);
    return n > most ? 0 : static_cast<std::size_t>(n);
  }

  void external(onnx::TensorProto& t) {
    t.set_data_location(onnx::TensorProto::EXTERNAL);
    const auto entry = [&](const char* key, const std::string& value) {
      auto* e = t.add_external_data();
      e->set_key(key);
      e->set_value(value);
    };
    const std::size_t bytes = product(Dims(t.dims().begin(), t.dims().end())) * 4;
    if (!odd()) entry("location", odd() ? from_.PickValueInArray(places) : places[0]);
    if (coin()) entry("offset", odd() ? text() : std::to_string(number(0)));
    if (coin()) entry("length", odd() ? text() : std::to_string(number(static_cast<std::int64_t>(bytes))));
    if (odd()) entry("checksum", text());
  }

  onnx::TensorProto tensor(const Dims& dims, int type = onnx::TensorProto::FLOAT) {
    onnx::TensorProto t;
    t.set_data_type(odd() ? from_.ConsumeIntegralInRange(0, 20) : type);
    for (const auto d : dims) t.add_dims(number(d));
    if (odd()) t.add_dims(pick_edge());
    if (oddities_ > 0 && from_.ConsumeIntegral<std::uint8_t>() >= 240) {
      external(t);
      return t;
    }
    fill(t, odd() ? from_.ConsumeIntegralInRange<std::size_t>(0, 64) : product(dims));
    return t;
  }

  /// The attribute of a Constant node; a list may be as long as the shape asks for, or empty.
  void constant_value(onnx::NodeProto& node, const Dims& dims, int type) {
    if (coin()) {
      *attribute(node, "value", onnx::AttributeProto::TENSOR)->mutable_t() = tensor(dims, type);
      return;
    }
    const std::size_t count = coin() ? product(dims) : from_.ConsumeIntegralInRange<std::size_t>(0, 3);
    switch (from_.ConsumeIntegralInRange(0, 3)) {
      case 0:
        real(node, "value_float", 0.5F);
        break;
      case 1:
        integer(node, "value_int", 1);
        break;
      case 2: {
        auto* a = attribute(node, "value_ints", onnx::AttributeProto::INTS);
        for (std::size_t i = 0; i < count; ++i) a->add_ints(number(1));
        break;
      }
      default: {
        auto* a = attribute(node, "value_floats", onnx::AttributeProto::FLOATS);
        for (std::size_t i = 0; i < count; ++i) a->add_floats(0.25F);
      }
    }
  }

  /// A constant's name: an initializer, a Constant node, or an initializer behind DequantizeLinear or Identity.
  std::string constant(const Dims& dims, int type = onnx::TensorProto::FLOAT) {
    const std::string name = odd() ? text() : fresh();
    const auto way = from_.ConsumeIntegralInRange(0, 7);
    if (way == 0) {
      auto* node = graph_.add_node();
      node->set_op_type("Constant");
      node->add_output(name);
      constant_value(*node, dims, type);
      return name;
    }
    auto* t = graph_.add_initializer();
    if (way == 1 && type == onnx::TensorProto::FLOAT) {
      *t = tensor(dims, onnx::TensorProto::INT8);
      t->set_name(name);
      const auto axis =
          dims.empty() ? 0 : from_.ConsumeIntegralInRange<std::int64_t>(0, static_cast<std::int64_t>(dims.size()) - 1);
      auto* scale = graph_.add_initializer();
      *scale = tensor(coin() || dims.empty() ? Dims{} : Dims{dims[static_cast<std::size_t>(axis)]});
      scale->set_name(fresh());
      auto* node = graph_.add_node();
      node->set_op_type("DequantizeLinear");
      node->add_input(name);
      node->add_input(scale->name());
      node->add_output(fresh());
      integer(*node, "axis", axis);
      return node->output(0);
    }
    *t = tensor(dims, type);
    t->set_name(name);
    if (way > 2) return name;
    auto* node = graph_.add_node();
    node->set_op_type(coin() ? "Identity" : "Transpose");
    node->add_input(name);
    node->add_output(fresh());
    return node->output(0);
  }

  std::string integers_constant(const Dims& values) {
    auto* t = graph_.add_initializer();
    t->set_name(fresh());
    t->set_data_type(odd() ? onnx::TensorProto::INT32 : onnx::TensorProto::INT64);
    t->add_dims(number(static_cast<std::int64_t>(values.size())));
    for (const auto v : values) t->add_int64_data(number(v));
    return t->name();
  }

  onnx::AttributeProto* attribute(onnx::NodeProto& node, const char* name, onnx::AttributeProto::AttributeType type) {
    auto* a = node.add_attribute();
    a->set_name(odd() ? text() : name);
    a->set_type(odd() ? static_cast<onnx::AttributeProto::AttributeType>(from_.ConsumeIntegralInRange(0, 14)) : type);
    return a;
  }
  void integer(onnx::NodeProto& node, const char* name, std::int64_t v) {
    attribute(node, name, onnx::AttributeProto::INT)->set_i(number(v));
  }
  void integers(onnx::NodeProto& node, const char* name, const Dims& values) {
    auto* a = attribute(node, name, onnx::AttributeProto::INTS);
    for (const auto v : values) a->add_ints(number(v));
    if (odd()) a->add_ints(pick_edge());
  }
  void real(onnx::NodeProto& node, const char* name, float v) {
    attribute(node, name, onnx::AttributeProto::FLOAT)->set_f(odd() ? from_.PickValueInArray(odd_reals) : v);
  }
  void string(onnx::NodeProto& node, const char* name, const std::string& v) {
    attribute(node, name, onnx::AttributeProto::STRING)->set_s(odd() ? text() : v);
  }

  onnx::NodeProto& node(const char* op, const std::vector<std::string>& more = {}) {
    auto* n = graph_.add_node();
    n->set_op_type(odd() ? text() : op);
    if (coin()) n->set_name(odd() ? text() : std::string(op) + "_" + std::to_string(graph_.node_size()));
    n->add_input(odd() ? text() : value_);
    for (const auto& name : more) n->add_input(name);
    value_ = odd() ? text() : fresh();
    n->add_output(value_);
    if (odd()) n->add_output(text());
    if (odd()) n->set_domain("ai.onnx.ml");
    return *n;
  }

  static std::int64_t after(std::int64_t in, std::int64_t window, std::int64_t stride, std::int64_t pads) {
    return std::max<std::int64_t>(1, (in + pads - window) / std::max<std::int64_t>(1, stride) + 1);
  }

  /// kernel_shape, strides, pads or auto_pad over the current map, which becomes the window's result.
  void window(onnx::NodeProto& n, std::int64_t height, std::int64_t width) {
    const std::int64_t stride = from_.ConsumeIntegralInRange(1, 3), pad = coin() && height > 1 && width > 1 ? 1 : 0;
    integers(n, "kernel_shape", {height, width});
    if (stride != 1 || coin()) integers(n, "strides", {stride, stride});
    if (odd()) integers(n, "dilations", {1, 2});
    if (odd()) {
      string(n, "auto_pad", coin() ? "SAME_UPPER" : "VALID");
    } else if (pad != 0) {
      integers(n, "pads", {pad, pad, pad, pad});
    }
    dims_[2] = after(dims_[2], height, stride, 2 * pad);
    dims_[3] = after(dims_[3], width, stride, 2 * pad);
  }
  std::int64_t side(std::int64_t in) { return number(1, std::clamp<std::int64_t>(in, 1, 4)); }

  void conv() {
    const std::int64_t height = side(dims_[2]), width = side(dims_[3]), out = number(1, 18);
    std::vector<std::string> more{constant({out, dims_[1], height, width})};
    if (coin()) more.push_back(constant({out}));
    auto& n = node("Conv", more);
    if (odd()) integer(n, "group", dims_[1]);
    window(n, height, width);
    dims_[1] = out;
  }

  void linear() {
    if (!flat() && !odd()) flatten();
    const std::int64_t in = elements(), out = number(1, 12);
    if (coin()) {
      const bool transposed = coin();
      std::vector<std::string> more{constant(transposed ? Dims{out, in} : Dims{in, out})};
      if (coin()) more.push_back(constant({out}));
      auto& n = node("Gemm", more);
      if (transposed || coin()) integer(n, "transB", transposed ? 1 : 0);
      if (odd()) real(n, "alpha", 0.5F);
      if (odd()) integer(n, "transA", 1);
    } else {
      node("MatMul", {constant({in, out})});
    }
    dims_ = {1, out};
  }

  void flatten() {
    if (coin()) {
      integer(node("Flatten"), "axis", 1);
    } else if (coin()) {
      node("Reshape", {integers_constant({coin() ? 1 : 0, coin() ? -1 : elements()})});
    } else {
      shape_block();
    }
    dims_ = {1, elements()};
  }

  /// Shape → Gather → Unsqueeze → Concat → Reshape, as exporters write it.
  void shape_block() {
    const std::string data = value_, first = integers_constant({0}), rest = integers_constant({-1});
    node("Shape");
    auto& gather = node("Gather", {first});
    integer(gather, "axis", 0);
    if (coin()) integers(node("Unsqueeze"), "axes", {0});
    auto& concat = node("Concat", {rest});
    integer(concat, "axis", 0);
    const std::string shape = value_;
    value_ = data;
    node("Reshape", {shape});
  }

  void per_channel() {
    constexpr std::array<const char*, 4> operators{"Add", "Sub", "Mul", "Div"};
    const auto c = constant(flat() ? Dims{elements()} : coin() ? Dims{dims_[1], 1, 1} : coin() ? Dims{1} : dims_);
    auto& n = node(from_.PickValueInArray(operators), {c});
    if (coin()) n.mutable_input()->SwapElements(0, 1);
  }

  void batch_normalization() {
    const Dims c{channels()};
    auto& n = node("BatchNormalization", {constant(c), constant(c), constant(c), constant(c)});
    real(n, "epsilon", coin() ? 1e-5F : 1.0F);
  }

  void pool() {
    constexpr std::array<const char*, 3> operators{"MaxPool", "AveragePool", "LpPool"};
    auto& n = node(operators[odd() ? 2 : coin() ? 1 : 0]);
    window(n, side(dims_[2]), side(dims_[3]));
    if (coin()) integer(n, "count_include_pad", 1);
    if (odd()) integer(n, "ceil_mode", 1);
  }

  void global_pool() {
    switch (from_.ConsumeIntegralInRange(0, 2)) {
      case 0:
        node("GlobalAveragePool");
        break;
      case 1:
        integers(node("ReduceMean"), "axes", {2, 3});
        break;
      default:
        integer(node("ReduceMean", {integers_constant({-1, -2})}), "keepdims", 1);
    }
    dims_[2] = dims_[3] = 1;
  }

  void pad() {
    const Dims pads{0, 0, number(0, 2), number(0, 2), 0, 0, number(0, 2), number(0, 2)};
    if (coin())
      integers(node("Pad"), "pads", pads);
    else
      node("Pad", {integers_constant(pads)});
    dims_[2] += std::clamp<std::int64_t>(pads[2] + pads[6], 0, 8);
    dims_[3] += std::clamp<std::int64_t>(pads[3] + pads[7], 0, 8);
  }

  void transpose() {
    const bool back = coin();
    integers(node("Transpose"), "perm", back ? Dims{0, 3, 1, 2} : Dims{0, 2, 3, 1});
    if (!odd()) integers(node("Transpose"), "perm", back ? Dims{0, 2, 3, 1} : Dims{0, 3, 1, 2});
  }

  void activation() {
    constexpr std::array<const char*, 4> known{"Relu", "Relu", "Identity", "Dropout"};
    constexpr std::array<const char*, 6> others{"Clip", "Sigmoid", "LeakyRelu", "Tanh", "Cast", "Erf"};
    const char* op = odd() ? from_.PickValueInArray(others) : from_.PickValueInArray(known);
    auto& n = node(op);
    if (std::string_view(op) == "Cast") integer(n, "to", onnx::TensorProto::FLOAT);
    if (std::string_view(op) == "Clip" && coin()) real(n, "max", 6);
  }

  void axes() {
    if (coin()) {
      integers(node("Unsqueeze"), "axes", {number(0, 4)});
      integers(node("Squeeze"), "axes", {number(0, 4)});
    } else {
      node("Unsqueeze", {integers_constant({number(0, 4)})});
      node("Squeeze");
    }
  }

  void residual() {
    const std::string before = value_;
    node("Relu");
    node(coin() ? "Add" : "Concat", {before});
  }

  void operation() {
    switch (from_.ConsumeIntegralInRange(0, 15)) {
      case 0:
      case 1:
      case 2:
        return flat() ? linear() : conv();
      case 3:
        return linear();
      case 4:
        return per_channel();
      case 5:
        return batch_normalization();
      case 6:
      case 7:
        return flat() ? activation() : pool();
      case 8:
        return flat() ? activation() : global_pool();
      case 9:
        return flat() ? activation() : pad();
      case 10:
        return flat() ? linear() : transpose();
      case 11:
        return odd() ? residual() : odd() ? axes() : activation();
      case 12:
        return flatten();
      default:
        return activation();
    }
  }

  void classifier() {
    linear();
    switch (from_.ConsumeIntegralInRange(0, 5)) {
      case 0:
        integer(node("Softmax"), "axis", coin() ? 1 : -1);
        break;
      case 1:
        node("LogSoftmax");
        break;
      case 2:
        node("Sigmoid");
        break;
      default:
        break;
    }
  }

  FuzzedDataProvider& from_;
  onnx::ModelProto model_;
  onnx::GraphProto& graph_;
  std::string value_ = "image";
  Dims dims_;
  unsigned names_ = 0, oddities_ = 0;
};

/// Every field that is set, and the text of those that hold one.
struct Places {
  std::vector<std::pair<Message*, const FieldDescriptor*>> fields;
  std::vector<std::string> texts;
};

void walk(Message& message, Places& all) {
  const Reflection& r = *message.GetReflection();
  std::vector<const FieldDescriptor*> set;
  r.ListFields(message, &set);
  for (const FieldDescriptor* f : set) {
    all.fields.emplace_back(&message, f);
    if (f->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (!f->is_repeated()) all.texts.push_back(r.GetString(message, f));
      for (int i = 0; f->is_repeated() && i < r.FieldSize(message, f); ++i)
        all.texts.push_back(r.GetRepeatedString(message, f, i));
    }
    if (f->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!f->is_repeated()) walk(*r.MutableMessage(&message, f), all);
    for (int i = 0; f->is_repeated() && i < r.FieldSize(message, f); ++i)
      walk(*r.MutableRepeatedMessage(&message, f, i), all);
  }
}

std::string another_text(const std::string& now, const Places& all, Random& random) {
  switch (random() % 4) {
    case 0:
      return pick(all.texts, random);
    case 1:
      return now.substr(0, random() % (now.size() + 1));
    case 2:
      return now + now;
    default: {
      std::string text = now;
      if (!text.empty()) text[random() % text.size()] = static_cast<char>(random());
      return text;
    }
  }
}

/// A member more or less, or two that change places.
void change_list(Message& m, const FieldDescriptor* f, Random& random) {
  const Reflection& r = *m.GetReflection();
  const int size = r.FieldSize(m, f), one = static_cast<int>(random() % static_cast<unsigned>(size));
  if (random() % 3 == 0) return r.RemoveLast(&m, f);
  if (random() % 2 == 0) return r.SwapElements(&m, f, one, size - 1);
  switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      Message* added = r.AddMessage(&m, f);
      added->CopyFrom(r.GetRepeatedMessage(m, f, one));
      break;
    }
    case FieldDescriptor::CPPTYPE_STRING:
      r.AddString(&m, f, r.GetRepeatedString(m, f, one));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      r.AddInt64(&m, f, pick(edges, random));
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      r.AddFloat(&m, f, pick(odd_reals, random));
      break;
    default:
      r.RemoveLast(&m, f);
  }
}

void change_member(Message& m, const FieldDescriptor* f, const Places& all, Random& random) {
  const Reflection& r = *m.GetReflection();
  const int i = static_cast<int>(random() % static_cast<unsigned>(r.FieldSize(m, f)));
  switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      r.SetRepeatedString(&m, f, i, another_text(r.GetRepeatedString(m, f, i), all, random));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      r.SetRepeatedInt64(&m, f, i, pick(edges, random));
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      r.SetRepeatedInt32(&m, f, i, static_cast<std::int32_t>(pick(edges, random)));
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      r.SetRepeatedFloat(&m, f, i, pick(odd_reals, random));
      break;
    default:
      change_list(m, f, random);
  }
}

void change_one(Message& m, const FieldDescriptor* f, const Places& all, Random& random) {
  const Reflection& r = *m.GetReflection();
  switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      r.SetString(&m, f, another_text(r.GetString(m, f), all, random));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      r.SetInt64(&m, f, pick(edges, random));
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      r.SetInt32(&m, f, static_cast<std::int32_t>(random() % 24));
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      r.SetFloat(&m, f, pick(odd_reals, random));
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      r.SetEnumValue(&m, f, static_cast<int>(random() % 15));
      break;
    default:
      r.ClearField(&m, f);
  }
}

}  // namespace

onnx::ModelProto make_model(std::span<const std::uint8_t> choices) {
  FuzzedDataProvider from(choices.data(), choices.size());
  return Maker(from).make();
}

void change_model(onnx::ModelProto& model, Random& random) {
  Places all;
  walk(model, all);
  if (all.fields.empty()) return;
  if (all.texts.empty()) all.texts.emplace_back("x");
  const auto [message, field] = pick(all.fields, random);
  if (!field->is_repeated()) return change_one(*message, field, all, random);
  random() % 2 == 0 ? change_list(*message, field, random) : change_member(*message, field, all, random);
}

}  // namespace blindsight::fuzz
