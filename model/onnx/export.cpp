#include "model/onnx/export.h"

#include <onnx/onnx_pb.h>

#include <limits>

#include "model/fault.h"
#include "model/files/files.h"

namespace blindsight::model {
namespace {

using protocol::Result;
using tensor::Shape;
using tensor::Window;

class Writer {
 public:
  explicit Writer(const FloatNetwork& network) : map_(network.input) {
    model_.set_ir_version(7);
    model_.set_producer_name("blindsight");
    model_.add_opset_import()->set_version(13);
    graph_.set_name(network.name);
    auto* input = graph_.add_input();
    input->set_name(value_);
    const auto in = network.input;
    // A flat value stays flat: from where on every layer reads single numbers, not maps.
    first_flat_ = network.layers.size();
    while (first_flat_ > 0 && reads_numbers(network.layers[first_flat_ - 1])) --first_flat_;
    // An input that is flattened at once may be read as channels last where its sides look so: a Transpose says which.
    const bool says_which = first_flat_ == 0 && in.height > 1 && (in.width == 1 || in.width == 3);
    describe(*input, says_which ? std::vector{in.height, in.width, in.channels}
                                : std::vector{in.channels, in.height, in.width});
    if (says_which) set(node("Transpose", "to_channels_first"), "perm", {0, 3, 1, 2});
    for (const FloatLayer& layer : network.layers) add(layer);
    if (network.post != PostOperation::none) flatten("outputs");  // over the outputs, which are its last axis then
    if (network.post == PostOperation::softmax) node("Softmax", "softmax");
    if (network.post == PostOperation::log_softmax) node("LogSoftmax", "log_softmax");
    if (network.post == PostOperation::sigmoid) node("Sigmoid", "sigmoid");
    auto* output = graph_.add_output();
    output->set_name(value_);
    describe(*output, flat_ ? std::vector{map_.elements()} : std::vector{map_.channels, map_.height, map_.width});
  }

  Result<std::vector<std::uint8_t>> bytes() const {
    std::vector<std::uint8_t> out(model_.ByteSizeLong());
    if (out.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
        !model_.SerializeToArray(out.data(), static_cast<int>(out.size())))
      return fail("the network is too large for an ONNX file");
    return out;
  }

 private:
  /// A batch of any size of float32.
  static void describe(onnx::ValueInfoProto& value, const std::vector<std::size_t>& dims) {
    auto* type = value.mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_param("batch");
    for (const std::size_t d : dims) type->mutable_shape()->add_dim()->set_dim_value(static_cast<std::int64_t>(d));
  }

  void initializer(const std::string& name, const std::vector<std::size_t>& dims, const std::vector<float>& values) {
    auto* t = graph_.add_initializer();
    t->set_name(name);
    t->set_data_type(onnx::TensorProto::FLOAT);
    for (const std::size_t d : dims) t->add_dims(static_cast<std::int64_t>(d));
    t->set_raw_data(values.data(), values.size() * sizeof(float));
  }

  onnx::NodeProto& node(const std::string& op, const std::string& name, const std::vector<std::string>& others = {}) {
    auto* n = graph_.add_node();
    n->set_op_type(op);
    n->set_name(name);
    n->add_input(value_);
    for (const auto& other : others) n->add_input(other);
    value_ = name + ".out";
    n->add_output(value_);
    return *n;
  }

  static void set(onnx::NodeProto& node, const char* name, const std::vector<std::size_t>& values) {
    auto* a = node.add_attribute();
    a->set_name(name);
    a->set_type(onnx::AttributeProto::INTS);
    for (const std::size_t v : values) a->add_ints(static_cast<std::int64_t>(v));
  }

  static void set_window(onnx::NodeProto& node, const Window& w) {
    set(node, "kernel_shape", {w.height, w.width});
    set(node, "strides", {w.stride_y, w.stride_x});
    set(node, "pads", {w.pad_top, w.pad_left, w.pad_bottom, w.pad_right});
  }

  static bool reads_numbers(const FloatLayer& layer) {
    return layer.conv.in.height == 1 && layer.conv.in.width == 1 && layer.conv.window == Window{} &&
           layer.max_pools.empty() && layer.average_pools.empty();
  }

  void add(const FloatLayer& layer) {
    // Names of nodes must differ; those of layers need not.
    const std::string name = std::to_string(layer_) + "." + layer.name;
    if (layer_++ >= first_flat_)
      fully_connected(layer, name);
    else
      convolution(layer, name);
    std::size_t pool = 0;
    for (const Window& w : layer.max_pools) set_window(node("MaxPool", name + ".pool" + std::to_string(pool++)), w);
    if (layer.relu) node("Relu", name + ".relu");
    for (const Window& w : layer.average_pools) {
      auto& n = node("AveragePool", name + ".pool" + std::to_string(pool++));
      set_window(n, w);
      auto* include = n.add_attribute();
      include->set_name("count_include_pad");
      include->set_type(onnx::AttributeProto::INT);
      include->set_i(1);
    }
    map_ = layer.out();
  }

  /// Filter [row][column][in][out] to ONNX's [out][in][row][column].
  void convolution(const FloatLayer& layer, const std::string& name) {
    const std::size_t out = layer.conv.out_channels, in = layer.conv.in.channels;
    const Window& w = layer.conv.window;
    const std::size_t cells = w.height * w.width;
    std::vector<float> filter(layer.filter.size());
    for (std::size_t k = 0; k < cells; ++k)
      for (std::size_t i = 0; i < in; ++i)
        for (std::size_t o = 0; o < out; ++o) filter[(o * in + i) * cells + k] = layer.filter[(k * in + i) * out + o];
    initializer(name + ".weight", {out, in, w.height, w.width}, filter);
    if (!layer.bias_per_position()) {
      initializer(name + ".bias", {out}, layer.bias);
      set_window(node("Conv", name, {name + ".weight", name + ".bias"}), w);
      return;
    }
    const Shape map = layer.conv.out();
    const std::size_t positions = map.height * map.width;
    std::vector<float> bias(layer.bias.size());
    for (std::size_t p = 0; p < positions; ++p)
      for (std::size_t o = 0; o < out; ++o) bias[o * positions + p] = layer.bias[p * out + o];
    initializer(name + ".bias", {1, out, map.height, map.width}, bias);
    set_window(node("Conv", name, {name + ".weight"}), w);
    node("Add", name + ".add", {name + ".bias"});
  }

  void flatten(const std::string& name) {
    if (!flat_) node("Flatten", name + ".flatten");
    flat_ = true;
  }

  /// Rows from our row, column, channel order to ONNX's channel, row, column.
  void fully_connected(const FloatLayer& layer, const std::string& name) {
    const std::size_t out = layer.conv.out_channels, cells = map_.height * map_.width;
    std::vector<float> filter(layer.filter.size());
    for (std::size_t p = 0; p < cells; ++p)
      for (std::size_t c = 0; c < map_.channels; ++c)
        for (std::size_t o = 0; o < out; ++o)
          filter[(c * cells + p) * out + o] = layer.filter[(p * map_.channels + c) * out + o];
    initializer(name + ".weight", {layer.conv.in.channels, out}, filter);
    initializer(name + ".bias", {out}, layer.bias);
    flatten(name);
    node("Gemm", name, {name + ".weight", name + ".bias"});
  }

  onnx::ModelProto model_;
  onnx::GraphProto& graph_ = *model_.mutable_graph();
  std::string value_ = "image";
  Shape map_;          ///< of the current value, or the map that it was flattened from
  bool flat_ = false;  ///< whether the current value is flat
  std::size_t layer_ = 0, first_flat_ = 0;
};

}  // namespace

Result<std::vector<std::uint8_t>> to_onnx(const FloatNetwork& network) {
  return Writer(network).bytes();
}

Result<void> export_onnx(const FloatNetwork& network, const std::filesystem::path& file) {
  const auto bytes = to_onnx(network);
  if (!bytes) return fail(bytes.error().what);
  return write_file(file, "model", *bytes, secret_mode);
}

}  // namespace blindsight::model
