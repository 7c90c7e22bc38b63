#include <algorithm>
#include <array>
#include <set>

#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

namespace {
constexpr std::array operators{"Conv",
                               "BatchNormalization",
                               "Relu",
                               "MaxPool",
                               "AveragePool",
                               "GlobalAveragePool",
                               "Flatten",
                               "Reshape",
                               "Gemm",
                               "MatMul",
                               "Add",
                               "Identity",
                               "Dropout",
                               "Constant",
                               "DequantizeLinear",
                               "Transpose",
                               "Pad",
                               "Softmax",
                               "LogSoftmax"};
}  // namespace

std::string supported_operators() {
  std::string text = "supported are ";
  for (std::size_t i = 0; i < operators.size(); ++i)
    text += (i == 0 ? "" : i + 1 == operators.size() ? " and " : ", ") + std::string(operators[i]);
  return text + " (DequantizeLinear and Transpose of weights alone, Softmax and LogSoftmax at the end alone)";
}

Result<void> check_well_formed(const Graph& graph) {
  std::set<std::string> defined{graph.input};
  for (const auto& [name, constant] : graph.constants)
    if (!defined.insert(name).second) return fail("the value " + in_quotes(name) + " is defined twice");
  for (const Node& node : graph.nodes) {
    if (std::find(operators.begin(), operators.end(), node.op) == operators.end())
      return fail(describe(node) + " has an operator that is not supported; " + supported_operators());
    if (node.outputs.empty() || node.outputs[0].empty()) return fail(describe(node) + " has no output");
    for (const auto& input : node.inputs)
      if (!input.empty() && defined.count(input) == 0)
        return fail(describe(node) + " reads " + in_quotes(input) + ", which no node before it makes");
    for (const auto& output : node.outputs)
      if (!output.empty() && !defined.insert(output).second)
        return fail(describe(node) + " makes " + in_quotes(output) + ", which is defined already");
  }
  if (graph.constants.count(graph.output) != 0 || defined.count(graph.output) == 0)
    return fail("the output " + in_quotes(graph.output) + " is made by no node");
  return {};
}

}  // namespace blindsight::model
