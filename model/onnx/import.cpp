#include "model/onnx/import.h"

#include <onnx/onnx_pb.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "model/graph/graph.h"
#include "model/passes/passes.h"

namespace blindsight::model {
namespace {

using protocol::fail;
using protocol::Result;

/// protobuf's own limit is 2 GiB; nothing that fits three parties comes near it.
constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 30;
constexpr int most_nodes = 100'000;
constexpr std::int64_t oldest_opset = 7;  // before it Add broadcasts by attributes

std::string type_name(int type) {
  return onnx::TensorProto_DataType_IsValid(type)
             ? onnx::TensorProto_DataType_Name(static_cast<onnx::TensorProto_DataType>(type))
             : "type " + std::to_string(type);
}

/// Values of `Stored` as the file has them, either packed in raw_data (little-endian) or one by one in a typed field.
template <class Stored, class Kept, class Field>
Result<std::vector<Kept>> read_values(const onnx::TensorProto& tensor, const Field& field, std::size_t elements,
                                      const std::string& where) {
  std::vector<Kept> values;
  if (tensor.has_raw_data()) {
    const std::string& raw = tensor.raw_data();
    if (raw.size() % sizeof(Stored) != 0 || raw.size() / sizeof(Stored) != elements)
      return fail(where + ": its shape asks for " + std::to_string(elements) + " values of " +
                  std::to_string(sizeof(Stored)) + " bytes, its data has " + std::to_string(raw.size()) +
                  " bytes: the file is damaged, export it again");
    values.reserve(elements);
    for (std::size_t i = 0; i < elements; ++i) {
      Stored v;
      std::memcpy(&v, raw.data() + i * sizeof(Stored), sizeof(Stored));
      values.push_back(static_cast<Kept>(v));
    }
    return values;
  }
  if (static_cast<std::size_t>(field.size()) != elements)
    return fail(where + ": its shape asks for " + std::to_string(elements) + " values, its data has " +
                std::to_string(field.size()) + ": the file is damaged, export it again");
  values.reserve(elements);
  for (const auto v : field) values.push_back(static_cast<Kept>(static_cast<Stored>(v)));
  return values;
}

Result<Constant> read_constant(const onnx::TensorProto& tensor, const std::string& where) {
  if (tensor.has_data_location() && tensor.data_location() == onnx::TensorProto::EXTERNAL)
    return fail(where + " keeps its data in another file: export the model as one file (without external data)");
  if (tensor.external_data_size() > 0 || tensor.has_segment())
    return fail(where + " is stored in pieces: export the model as one file (without external data or segments)");
  Constant constant;
  std::size_t elements = 1;
  for (const std::int64_t d : tensor.dims()) {
    if (d <= 0 || elements > std::numeric_limits<std::int32_t>::max() / static_cast<std::uint64_t>(d))
      return fail(where + " has an impossible shape " +
                  describe(std::vector<std::int64_t>(tensor.dims().begin(), tensor.dims().end())));
    elements *= static_cast<std::size_t>(d);
    constant.dims.push_back(d);
  }
  auto take = [&](auto values) -> Result<Constant> {
    if (!values) return fail(std::move(values.error().what));
    constant.values = std::move(*values);
    return std::move(constant);
  };
  switch (tensor.data_type()) {
    case onnx::TensorProto::FLOAT:
      return take(read_values<float, float>(tensor, tensor.float_data(), elements, where));
    case onnx::TensorProto::DOUBLE:
      return take(read_values<double, float>(tensor, tensor.double_data(), elements, where));
    case onnx::TensorProto::INT8:
      return take(read_values<std::int8_t, std::int32_t>(tensor, tensor.int32_data(), elements, where));
    case onnx::TensorProto::UINT8:
      return take(read_values<std::uint8_t, std::int32_t>(tensor, tensor.int32_data(), elements, where));
    case onnx::TensorProto::INT32:
      return take(read_values<std::int32_t, std::int32_t>(tensor, tensor.int32_data(), elements, where));
    case onnx::TensorProto::BOOL:
      return take(read_values<std::uint8_t, std::int32_t>(tensor, tensor.int32_data(), elements, where));
    case onnx::TensorProto::INT64:
      return take(read_values<std::int64_t, std::int64_t>(tensor, tensor.int64_data(), elements, where));
    default:
      return fail(where + " has values of type " + type_name(tensor.data_type()) +
                  "; supported are FLOAT, DOUBLE, INT8, UINT8, INT32, INT64 and BOOL: convert the model to float32");
  }
}

Result<Attribute> read_attribute(const onnx::AttributeProto& attribute, const std::string& where) {
  switch (attribute.type()) {
    case onnx::AttributeProto::INT:
      return attribute.i();
    case onnx::AttributeProto::FLOAT:
      return attribute.f();
    case onnx::AttributeProto::STRING:
      return attribute.s();
    case onnx::AttributeProto::INTS:
      return std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end());
    case onnx::AttributeProto::FLOATS:
      return std::vector<float>(attribute.floats().begin(), attribute.floats().end());
    case onnx::AttributeProto::TENSOR: {
      auto constant = read_constant(attribute.t(), where + ", tensor attribute " + in_quotes(attribute.name()));
      if (!constant) return fail(std::move(constant.error().what));
      return std::move(*constant);
    }
    default:
      return fail(where + ": attribute " + in_quotes(attribute.name()) +
                  " is neither a number, a text, a list of numbers nor a tensor, which is all that is supported");
  }
}

Result<Node> read_node(const onnx::NodeProto& proto) {
  Node node;
  node.name = proto.name();
  for (char c : proto.op_type().substr(0, 60)) node.op += (c > 0x20 && c < 0x7f) ? c : '?';
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  if (!proto.domain().empty() && proto.domain() != "ai.onnx")
    return fail(describe(node) + " is of the operator set " + in_quotes(proto.domain()) + "; " + supported_operators());
  for (const auto& attribute : proto.attribute()) {
    auto value = read_attribute(attribute, describe(node));
    if (!value) return fail(std::move(value.error().what));
    if (!node.attributes.emplace(attribute.name(), std::move(*value)).second)
      return fail(describe(node) + " has the attribute " + in_quotes(attribute.name()) + " twice");
  }
  return node;
}

Result<void> read_input(const onnx::ValueInfoProto& input, Graph& graph) {
  const std::string where = "the model's input " + in_quotes(input.name());
  const auto& type = input.type().tensor_type();
  if (!input.type().has_tensor_type() || type.elem_type() != onnx::TensorProto::FLOAT)
    return fail(where + " is of type " + type_name(type.elem_type()) + "; supported is FLOAT");
  if (!type.has_shape()) return fail(where + " has no shape: export the model with a fixed image size");
  for (const auto& dim : type.shape().dim()) graph.input_dims.push_back(dim.has_dim_value() ? dim.dim_value() : 0);
  graph.input = input.name();
  return {};
}

Result<Graph> read_graph(const onnx::ModelProto& model, const std::string& name) {
  Graph graph;
  graph.name = name;
  for (const auto& set : model.opset_import())
    if (set.domain().empty() || set.domain() == "ai.onnx") graph.opset = set.version();
  if (graph.opset < oldest_opset)
    return fail("the model's operator set is version " + std::to_string(graph.opset) + "; supported is version " +
                std::to_string(oldest_opset) + " and later: convert it with ONNX's version converter");
  const auto& proto = model.graph();
  if (proto.node_size() == 0) return fail("it holds no node: this is no ONNX model, or an empty one");
  if (proto.node_size() > most_nodes)
    return fail("it has " + std::to_string(proto.node_size()) + " nodes; at most " + std::to_string(most_nodes) +
                " are supported");
  if (proto.sparse_initializer_size() > 0)
    return fail("it has sparse initializers, which are not supported: export it with dense weights");
  for (const auto& tensor : proto.initializer()) {
    auto constant = read_constant(tensor, "initializer " + in_quotes(tensor.name()));
    if (!constant) return fail(std::move(constant.error().what));
    if (!graph.constants.emplace(tensor.name(), std::move(*constant)).second)
      return fail("initializer " + in_quotes(tensor.name()) + " is there twice");
  }
  for (const auto& input : proto.input()) {
    if (graph.constants.count(input.name()) != 0) continue;  // older exporters list the weights as inputs too
    if (!graph.input.empty())
      return fail("the model has several inputs (" + in_quotes(graph.input) + ", " + in_quotes(input.name()) +
                  "); supported is one image");
    if (auto read = read_input(input, graph); !read) return fail(std::move(read.error().what));
  }
  if (graph.input.empty()) return fail("the model has no input");
  if (proto.output_size() != 1)
    return fail("the model has " + std::to_string(proto.output_size()) + " outputs; supported is one");
  graph.output = proto.output(0).name();
  for (const auto& proto_node : proto.node()) {
    auto node = read_node(proto_node);
    if (!node) return fail(std::move(node.error().what));
    graph.nodes.push_back(std::move(*node));
  }
  return graph;
}

}  // namespace

protocol::Result<FloatNetwork> import_onnx(std::span<const std::uint8_t> bytes, const std::string& name) {
  auto refuse = [&](const std::string& why) { return fail("model " + in_quotes(name) + ": " + why); };
  if (bytes.size() > largest_file)
    return refuse("it has " + std::to_string(bytes.size()) + " bytes; at most " + std::to_string(largest_file) +
                  " are supported");
  Result<Graph> graph = fail("");
  {
    onnx::ModelProto model;
    if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return refuse("this is no ONNX model, or its file is damaged or cut short");
    graph = read_graph(model, name);
  }
  if (!graph) return refuse(graph.error().what);
  auto network = lower(std::move(*graph));
  if (!network) return refuse(network.error().what);
  return network;
}

protocol::Result<FloatNetwork> import_onnx(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) return fail("cannot read the model " + in_quotes(file.string()) + ": " + error.message());
  if (size > largest_file)
    return fail("model " + in_quotes(file.string()) + ": it has " + std::to_string(size) + " bytes; at most " +
                std::to_string(largest_file) + " are supported");
  std::vector<std::uint8_t> bytes(size);
  std::ifstream in(file, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
    return fail("cannot read the model " + in_quotes(file.string()));
  return import_onnx(bytes, file.filename().string());
}

}  // namespace blindsight::model
