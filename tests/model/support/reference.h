#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <vector>

namespace blindsight::model::test {

/// A tensor as ONNX has it: dimensions, the last one fastest.
struct Tensor {
  std::vector<std::int64_t> dims;
  std::vector<double> values;
};

/// Evaluates a model node by node with plain loops over whole tensors, straight from the operators' text in ONNX, in
/// doubles: what the import, which turns the graph into layers of another form and order, must agree with. Knows
/// nothing of layers, layouts or folding. `image`: the input in the graph's own order; open dimensions are 1. Throws on
/// an operator that it does not know and on shapes that do not fit.
Tensor evaluate(const onnx::ModelProto& model, const std::vector<double>& image);

}  // namespace blindsight::model::test
