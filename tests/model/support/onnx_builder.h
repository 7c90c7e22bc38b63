#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/onnx/import.h"

namespace blindsight::model::test {

/// A small ONNX model, written node by node: each node reads the value of the node before it.
class OnnxBuilder {
 public:
  OnnxBuilder(std::vector<std::int64_t> input_dims, std::int64_t opset = 13);

  /// Adds a node that reads the current value and then `others`; it becomes the current value.
  onnx::NodeProto& node(const std::string& op, const std::string& name, const std::vector<std::string>& others = {});
  /// Adds a node that reads `inputs` alone; the current value stays as it is.
  onnx::NodeProto& aside(const std::string& op, const std::string& name, const std::vector<std::string>& inputs);
  const std::string& value() const { return value_; }
  /// Makes another value the current one.
  void continue_from(const std::string& value) { value_ = value; }

  void reals(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<float>& values);
  void integers(const std::string& name, const std::vector<std::int64_t>& values);
  void bytes(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<int>& values,
             bool is_signed);

  onnx::ModelProto& model() { return model_; }
  /// The file's bytes, with the current value as the output.
  std::vector<std::uint8_t> file();
  protocol::Result<FloatNetwork> import() { return import_onnx(file(), "test.onnx"); }

 private:
  onnx::ModelProto model_;
  std::string value_ = "image";
};

void set(onnx::NodeProto& node, const std::string& name, std::int64_t value);
void set(onnx::NodeProto& node, const std::string& name, float value);
void set(onnx::NodeProto& node, const std::string& name, const std::string& value);
void set(onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values);

/// `count` values in [-1, 1) that depend on the seed alone.
std::vector<float> noise(std::size_t count, unsigned seed);

/// Largest |a - b|; infinite when the lengths differ.
double distance(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace blindsight::model::test
