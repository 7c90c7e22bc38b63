#include "model/onnx/import.h"

#include <onnx/onnx_pb.h>

#include <Eigen/Core>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <memory>

#include "model/fault.h"
#include "model/graph/graph.h"
#include "model/onnx/external_data.h"
#include "model/passes/passes.h"

namespace blindsight::model {
namespace {

using protocol::Result;

/// protobuf's own limit is 2 GiB; nothing that fits three parties comes near it.
constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 30;
constexpr int most_nodes = 20'000;
constexpr std::int64_t oldest_opset = 7;   // before it Add broadcasts by attributes
constexpr std::int64_t newest_opset = 23;  // what was read; later ones may mean something else by the same names

std::string type_name(int type) {
  return onnx::TensorProto_DataType_IsValid(type)
             ? onnx::TensorProto_DataType_Name(static_cast<onnx::TensorProto_DataType>(type))
             : "type " + std::to_string(type);
}

/// How the file keeps one value, and what we make of it.
template <class Stored, class Kept>
struct Type {
  using stored = Stored;
  using kept = Kept;
};

/// Values of `Stored` as bytes (little-endian), from raw_data or from a file beside the model.
template <class Stored, class Kept>
Result<std::vector<Kept>> from_bytes(std::span<const std::uint8_t> bytes, std::size_t elements,
                                     const std::string& where) {
  if (bytes.size() % sizeof(Stored) != 0 || bytes.size() / sizeof(Stored) != elements)
    return fail(where + ": its shape asks for " + std::to_string(elements) + " values of " +
                std::to_string(sizeof(Stored)) + " bytes, its data has " + std::to_string(bytes.size()) +
                " bytes: the file is damaged, export it again");
  std::vector<Kept> values;
  values.reserve(elements);
  for (std::size_t i = 0; i < elements; ++i) {
    Stored v;
    std::memcpy(&v, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values.push_back(static_cast<Kept>(v));
  }
  return values;
}

/// Of a typed field, one by one. Half floats stand as their bits in a field of integers.
template <class Stored, class Kept, class Field>
Result<std::vector<Kept>> from_field(const Field& field, std::size_t elements, const std::string& where) {
  if (static_cast<std::size_t>(field.size()) != elements)
    return fail(where + ": its shape asks for " + std::to_string(elements) + " values, its data has " +
                std::to_string(field.size()) + ": the file is damaged, export it again");
  std::vector<Kept> values;
  values.reserve(elements);
  for (const auto v : field) {
    if constexpr (std::is_same_v<Stored, Eigen::half>)
      values.push_back(static_cast<Kept>(Eigen::numext::bit_cast<Eigen::half>(static_cast<std::uint16_t>(v))));
    else if constexpr (std::is_same_v<Stored, Eigen::bfloat16>)
      values.push_back(static_cast<Kept>(Eigen::numext::bit_cast<Eigen::bfloat16>(static_cast<std::uint16_t>(v))));
    else
      values.push_back(static_cast<Kept>(static_cast<Stored>(v)));
  }
  return values;
}

/// Takes the tensor's data out of the message, so that a large model is not there twice.
Result<Constant> read_constant(onnx::TensorProto& tensor, const std::string& where, ExternalData& beside) {
  if (tensor.has_segment())
    return fail(where + " is stored in pieces: export the model as one file (without segments)");
  const bool external = tensor.has_data_location() && tensor.data_location() == onnx::TensorProto::EXTERNAL;
  if (!external && tensor.external_data_size() > 0)
    return fail(where + " has external data and says that it has none: the file is damaged, export it again");
  if (static_cast<std::size_t>(tensor.dims_size()) > most_dimensions)
    return fail(where + " has " + std::to_string(tensor.dims_size()) + " dimensions; at most " +
                std::to_string(most_dimensions) + " are supported");
  Constant constant;
  std::size_t elements = 1;
  for (const std::int64_t d : tensor.dims()) {
    if (d < 0 || (d > 0 && elements > std::numeric_limits<std::int32_t>::max() / static_cast<std::uint64_t>(d)))
      return fail(where + " has an impossible shape " +
                  describe(std::vector<std::int64_t>(tensor.dims().begin(), tensor.dims().end())));
    elements *= static_cast<std::size_t>(d);
    constant.dims.push_back(d);
  }
  auto take = [&]<class Stored, class Kept>(Type<Stored, Kept>, const auto& field) -> Result<Constant> {
    Result<std::vector<Kept>> values = fail("");
    if (external) {
      std::map<std::string, std::string> entries;
      for (const auto& entry : tensor.external_data()) entries[entry.key()] = entry.value();
      auto bytes = beside.read(entries, elements * sizeof(Stored));
      if (!bytes) return fail(where + " " + bytes.error().what);
      values = from_bytes<Stored, Kept>(*bytes, elements, where);
    } else if (tensor.has_raw_data()) {
      const std::unique_ptr<std::string> raw(tensor.release_raw_data());
      values =
          from_bytes<Stored, Kept>({reinterpret_cast<const std::uint8_t*>(raw->data()), raw->size()}, elements, where);
    } else {
      values = from_field<Stored, Kept>(field, elements, where);
    }
    if (!values) return fail(std::move(values.error().what));
    constant.values = std::move(*values);
    return std::move(constant);
  };
  switch (tensor.data_type()) {
    case onnx::TensorProto::FLOAT:
      return take(Type<float, float>{}, tensor.float_data());
    case onnx::TensorProto::DOUBLE:
      return take(Type<double, float>{}, tensor.double_data());
    case onnx::TensorProto::FLOAT16:
      return take(Type<Eigen::half, float>{}, tensor.int32_data());
    case onnx::TensorProto::BFLOAT16:
      return take(Type<Eigen::bfloat16, float>{}, tensor.int32_data());
    case onnx::TensorProto::INT8:
      return take(Type<std::int8_t, std::int32_t>{}, tensor.int32_data());
    case onnx::TensorProto::UINT8:
      return take(Type<std::uint8_t, std::int32_t>{}, tensor.int32_data());
    case onnx::TensorProto::INT16:
      return take(Type<std::int16_t, std::int32_t>{}, tensor.int32_data());
    case onnx::TensorProto::UINT16:
      return take(Type<std::uint16_t, std::int32_t>{}, tensor.int32_data());
    case onnx::TensorProto::INT32:
      return take(Type<std::int32_t, std::int32_t>{}, tensor.int32_data());
    case onnx::TensorProto::BOOL:
      return take(Type<std::uint8_t, std::int32_t>{}, tensor.int32_data());
    case onnx::TensorProto::INT64:
      return take(Type<std::int64_t, std::int64_t>{}, tensor.int64_data());
    default:
      return fail(
          where + " has values of type " + type_name(tensor.data_type()) +
          "; supported are FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT8, UINT8, INT16, UINT16, INT32, INT64 and BOOL: "
          "convert the model to float32");
  }
}

Result<Attribute> read_attribute(onnx::AttributeProto& attribute, const std::string& where, ExternalData& beside) {
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
      auto constant =
          read_constant(*attribute.mutable_t(), where + ", tensor attribute " + in_quotes(attribute.name()), beside);
      if (!constant) return fail(std::move(constant.error().what));
      return std::move(*constant);
    }
    default:
      return ForeignAttribute{};
  }
}

Result<Node> read_node(onnx::NodeProto& proto, ExternalData& beside) {
  Node node;
  node.name = proto.name();
  const std::string op =
      proto.domain().empty() || proto.domain() == "ai.onnx" ? proto.op_type() : proto.domain() + "." + proto.op_type();
  for (char c : op.substr(0, 60)) node.op += (c > 0x20 && c < 0x7f) ? c : '?';
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  for (auto& attribute : *proto.mutable_attribute()) {
    auto value = read_attribute(attribute, describe(node), beside);
    if (!value) return fail(std::move(value.error().what));
    if (!node.attributes.emplace(attribute.name(), std::move(*value)).second)
      return fail(describe(node) + " has the attribute " + in_quotes(attribute.name()) + " twice");
  }
  return node;
}

GraphInput read_input(const onnx::ValueInfoProto& proto) {
  GraphInput input;
  input.name = proto.name();
  const auto& type = proto.type().tensor_type();
  if (!proto.type().has_tensor_type() ||
      (type.elem_type() != onnx::TensorProto::FLOAT && type.elem_type() != onnx::TensorProto::FLOAT16 &&
       type.elem_type() != onnx::TensorProto::BFLOAT16 && type.elem_type() != onnx::TensorProto::DOUBLE))
    input.problem = "is of type " + type_name(type.elem_type()) + "; supported are FLOAT, DOUBLE, FLOAT16 and BFLOAT16";
  else if (!type.has_shape())
    input.problem = "has no shape: export the model with a fixed image size";
  for (const auto& dim : type.shape().dim()) input.dims.push_back(dim.has_dim_value() ? dim.dim_value() : 0);
  return input;
}

Result<Graph> read_graph(onnx::ModelProto& model, const std::string& name, ExternalData& beside) {
  Graph graph;
  graph.name = name;
  for (const auto& set : model.opset_import())
    if (set.domain().empty() || set.domain() == "ai.onnx") graph.opset = set.version();
  if (graph.opset < oldest_opset || graph.opset > newest_opset)
    return fail("the model's operator set is version " + std::to_string(graph.opset) + "; supported are versions " +
                std::to_string(oldest_opset) + " to " + std::to_string(newest_opset) +
                ": export it with another opset_version, or use ONNX's version converter");
  auto& proto = *model.mutable_graph();
  if (proto.node_size() == 0) return fail("it holds no node: this is no ONNX model, or an empty one");
  if (proto.node_size() > most_nodes)
    return fail("it has " + std::to_string(proto.node_size()) + " nodes; at most " + std::to_string(most_nodes) +
                " are supported");
  if (proto.sparse_initializer_size() > 0)
    return fail("it has sparse initializers, which are not supported: export it with dense weights");
  for (auto& tensor : *proto.mutable_initializer()) {
    auto constant = read_constant(tensor, "initializer " + in_quotes(tensor.name()), beside);
    if (!constant) return fail(std::move(constant.error().what));
    if (!graph.constants.emplace(tensor.name(), std::move(*constant)).second)
      return fail("initializer " + in_quotes(tensor.name()) + " is there twice");
    onnx::TensorProto().Swap(&tensor);
  }
  // Older exporters list the weights as inputs too.
  for (const auto& input : proto.input())
    if (graph.constants.count(input.name()) == 0) graph.inputs.push_back(read_input(input));
  if (graph.inputs.empty()) return fail("the model has no input");
  if (proto.output_size() != 1)
    return fail("the model has " + std::to_string(proto.output_size()) + " outputs; supported is one");
  graph.output = proto.output(0).name();
  for (auto& proto_node : *proto.mutable_node()) {
    auto node = read_node(proto_node, beside);
    if (!node) return fail(std::move(node.error().what));
    graph.nodes.push_back(std::move(*node));
  }
  return graph;
}

std::string too_large(std::uintmax_t size) {
  return "it has " + std::to_string(size) + " bytes; at most " + std::to_string(largest_file) +
         " are supported (weights may stand in a file beside it)";
}

/// `parse` fills the message and says whether it could.
template <class Parse>
Result<FloatNetwork> import(const std::string& name, ExternalData beside, Parse&& parse) {
  auto refuse = [&](const std::string& why) { return fail("model " + in_quotes(name) + ": " + why); };
  Result<Graph> graph = fail("");
  {
    onnx::ModelProto model;
    if (!parse(model)) return refuse("this is no ONNX model, or its file is damaged or cut short");
    graph = read_graph(model, name, beside);
  }
  if (!graph) return refuse(graph.error().what);
  auto network = lower(std::move(*graph));
  if (!network) return refuse(network.error().what);
  network->data_files = beside.paths();
  return network;
}

}  // namespace

protocol::Result<FloatNetwork> import_onnx(std::span<const std::uint8_t> bytes, const std::string& name) {
  if (bytes.size() > largest_file) return fail("model " + in_quotes(name) + ": " + too_large(bytes.size()));
  return import(name, ExternalData({}), [&](onnx::ModelProto& model) {
    return model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  });
}

protocol::Result<FloatNetwork> import_onnx(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error))
    return fail("cannot read the model " + in_quotes(file.string()) + ": it is a folder");
  const auto size = std::filesystem::file_size(file, error);
  if (error) return fail("cannot read the model " + in_quotes(file.string()) + ": " + error.message());
  if (size > largest_file) return fail("model " + in_quotes(file.string()) + ": " + too_large(size));
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail("cannot read the model " + in_quotes(file.string()) + ": " + std::strerror(errno));
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  return import(file.filename().string(), ExternalData(folder),
                [&](onnx::ModelProto& model) { return model.ParseFromIstream(&in); });
}

}  // namespace blindsight::model
