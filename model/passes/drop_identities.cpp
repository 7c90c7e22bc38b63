#include <algorithm>

#include "model/passes/attributes.h"
#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

namespace {

/// Dropout does nothing outside training, and nothing here trains.
Result<bool> drops_nothing(const Graph& graph, const Node& node) {
  if (auto ok = Attributes(node).only({"ratio", "seed", "is_test"}); !ok) return fail(ok.error().what);
  if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
    const auto found = graph.constants.find(node.inputs[2]);
    const auto* mode =
        found == graph.constants.end() ? nullptr : std::get_if<std::vector<std::int32_t>>(&found->second.values);
    if (mode == nullptr || std::any_of(mode->begin(), mode->end(), [](auto m) { return m != 0; }))
      return fail(describe(node) + " is in training mode: export the model for inference");
  }
  return true;
}

Result<bool> pads_nothing(const Graph& graph, const Node& node) {
  auto pads = Attributes(node).integers("pads");
  if (!pads) return fail(pads.error().what);
  if (node.inputs.size() > 1) {
    const auto found = graph.constants.find(node.inputs[1]);
    if (found == graph.constants.end() || !std::holds_alternative<std::vector<std::int64_t>>(found->second.values))
      return fail(describe(node) + " must have constant INT64 pads");
    *pads = std::get<std::vector<std::int64_t>>(found->second.values);
  }
  return std::all_of(pads->begin(), pads->end(), [](auto p) { return p == 0; });
}

}  // namespace

Result<void> drop_identities(Graph& graph) {
  std::map<std::string, std::string> renamed;
  std::vector<Node> rest;
  for (Node& node : graph.nodes) {
    for (auto& input : node.inputs)
      if (const auto found = renamed.find(input); found != renamed.end()) input = found->second;
    Result<bool> goes = node.op == "Identity"  ? Result<bool>(true)
                        : node.op == "Dropout" ? drops_nothing(graph, node)
                        : node.op == "Pad"     ? pads_nothing(graph, node)
                                               : Result<bool>(false);
    if (!goes) return fail(goes.error().what);
    if (!*goes) {
      rest.push_back(std::move(node));
      continue;
    }
    if (node.inputs.empty() || node.inputs[0].empty()) return fail(describe(node) + " has no input");
    renamed[node.outputs[0]] = node.inputs[0];
  }
  if (const auto found = renamed.find(graph.output); found != renamed.end()) graph.output = found->second;
  graph.nodes = std::move(rest);
  return {};
}

}  // namespace blindsight::model
