#include "model/graph/graph.h"

namespace blindsight::model {

std::string describe(const Node& node) {
  if (!node.name.empty()) return "node " + in_quotes(node.name) + " (" + node.op + ")";
  return "the node of output " + in_quotes(node.outputs.empty() ? "" : node.outputs[0]) + " (" + node.op + ")";
}

std::string describe(const std::vector<std::int64_t>& dims) {
  constexpr std::size_t longest = 8;
  std::string text;
  for (std::size_t i = 0; i < dims.size() && i < longest; ++i) text += (i == 0 ? "" : "×") + std::to_string(dims[i]);
  return text.empty() ? "scalar" : dims.size() > longest ? text + "×…" : text;
}

}  // namespace blindsight::model
