#include "tests/model/support/onnx_builder.h"

#include <cmath>
#include <limits>
#include <random>

namespace blindsight::model::test {

OnnxBuilder::OnnxBuilder(std::vector<std::int64_t> input_dims, std::int64_t opset) {
  model_.set_ir_version(7);
  model_.add_opset_import()->set_version(opset);
  auto* input = model_.mutable_graph()->add_input();
  input->set_name("image");
  auto* type = input->mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t d : input_dims) {
    auto* dim = type->mutable_shape()->add_dim();
    if (d > 0)
      dim->set_dim_value(d);
    else
      dim->set_dim_param("batch");
  }
  model_.mutable_graph()->add_output();
}

onnx::NodeProto& OnnxBuilder::node(const std::string& op, const std::string& name,
                                   const std::vector<std::string>& others) {
  std::vector<std::string> inputs{value_};
  inputs.insert(inputs.end(), others.begin(), others.end());
  value_ = name + ".out";
  return aside(op, name, inputs);
}

onnx::NodeProto& OnnxBuilder::aside(const std::string& op, const std::string& name,
                                    const std::vector<std::string>& inputs) {
  auto* node = model_.mutable_graph()->add_node();
  node->set_op_type(op);
  node->set_name(name);
  for (const auto& i : inputs) node->add_input(i);
  node->add_output(name + ".out");
  return *node;
}

void OnnxBuilder::reals(const std::string& name, const std::vector<std::int64_t>& dims,
                        const std::vector<float>& values) {
  auto* t = model_.mutable_graph()->add_initializer();
  t->set_name(name);
  t->set_data_type(onnx::TensorProto::FLOAT);
  for (const auto d : dims) t->add_dims(d);
  for (const float v : values) t->add_float_data(v);
}

void OnnxBuilder::integers(const std::string& name, const std::vector<std::int64_t>& values) {
  auto* t = model_.mutable_graph()->add_initializer();
  t->set_name(name);
  t->set_data_type(onnx::TensorProto::INT64);
  t->add_dims(static_cast<std::int64_t>(values.size()));
  for (const auto v : values) t->add_int64_data(v);
}

void OnnxBuilder::bytes(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<int>& values,
                        bool is_signed) {
  auto* t = model_.mutable_graph()->add_initializer();
  t->set_name(name);
  t->set_data_type(is_signed ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8);
  for (const auto d : dims) t->add_dims(d);
  std::string raw;
  for (const int v : values) raw += static_cast<char>(v);
  t->set_raw_data(raw);
}

std::vector<std::uint8_t> OnnxBuilder::file() {
  model_.mutable_graph()->mutable_output(0)->set_name(value_);
  const std::string bytes = model_.SerializeAsString();
  return {bytes.begin(), bytes.end()};
}

void set(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  auto* a = node.add_attribute();
  a->set_name(name);
  a->set_type(onnx::AttributeProto::INT);
  a->set_i(value);
}

void set(onnx::NodeProto& node, const std::string& name, float value) {
  auto* a = node.add_attribute();
  a->set_name(name);
  a->set_type(onnx::AttributeProto::FLOAT);
  a->set_f(value);
}

void set(onnx::NodeProto& node, const std::string& name, const std::string& value) {
  auto* a = node.add_attribute();
  a->set_name(name);
  a->set_type(onnx::AttributeProto::STRING);
  a->set_s(value);
}

void set(onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values) {
  auto* a = node.add_attribute();
  a->set_name(name);
  a->set_type(onnx::AttributeProto::INTS);
  for (const auto v : values) a->add_ints(v);
}

std::vector<float> noise(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(generator() >> 8) / static_cast<float>(1 << 23) - 1;
  return values;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  return largest;
}

}  // namespace blindsight::model::test
