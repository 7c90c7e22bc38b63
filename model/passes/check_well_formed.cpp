#include <map>
#include <set>
#include <vector>

#include "model/fault.h"
#include "model/passes/attributes.h"
#include "model/passes/operators.h"
#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::Result;

namespace {

/// Nodes that are not supported for one reason.
struct Unsupported {
  std::string kind;     ///< for a list: "HardSwish", "Conv in groups"
  std::string in_full;  ///< of the first such node
  std::string first;    ///< its name
  std::size_t count = 1;
};

/// What is wrong with a node whatever stands around it; empty kind: nothing. `on_data`: its operands that depend on the
/// image.
Unsupported judge(const Node& node, const std::vector<std::string>& on_data) {
  if (find_operator(node.op) == nullptr)
    return {node.op, describe(node) + " has an operator that is not supported", describe(node)};
  if (node.op == "Conv") {
    const auto group = Attributes(node).integer("group", 1);
    if (group && *group != 1)
      return {"Conv in groups",
              describe(node) + " has group " + std::to_string(*group) +
                  "; supported is 1 (no grouped or depthwise convolution)",
              describe(node)};
  }
  if (on_data.size() > 1 && node.op != "Shape")
    return {node.op + " of several maps",
            describe(node) + " joins two values that depend on the image (" + in_quotes(on_data[0]) + " and " +
                in_quotes(on_data[1]) +
                "): residual connections and other branches are not supported, a network must be one chain",
            describe(node)};
  return {};
}

std::string list(const std::vector<Unsupported>& all) {
  std::string text = all.front().in_full;
  if (all.front().count > 1) text += " (" + std::to_string(all.front().count) + " nodes like it)";
  constexpr std::size_t most = 12;
  for (std::size_t i = 1; i < all.size() && i < most; ++i)
    text += (i == 1 ? "; nor are supported: " : ", ") + all[i].kind +
            (all[i].count > 1 ? " ×" + std::to_string(all[i].count) : "") + " (" + all[i].first + ")";
  if (all.size() > most) text += " and " + std::to_string(all.size() - most) + " kinds more";
  return text + "; " + supported_operators();
}

}  // namespace

Result<void> check_well_formed(Graph& graph) {
  std::set<std::string> defined, on_data;
  for (const auto& input : graph.inputs) {
    defined.insert(input.name);
    on_data.insert(input.name);
  }
  for (const auto& [name, constant] : graph.constants) defined.insert(name);
  std::vector<Unsupported> unsupported;
  std::map<std::string, std::size_t> place;  ///< of a kind among them
  for (const Node& node : graph.nodes) {
    if (node.outputs.empty() || node.outputs[0].empty()) return fail(describe(node) + " has no output");
    std::vector<std::string> data;
    for (const auto& input : node.inputs) {
      if (!input.empty() && defined.count(input) == 0)
        return fail(describe(node) + " reads " + in_quotes(input) + ", which no node before it makes");
      if (on_data.count(input) != 0) data.push_back(input);
    }
    if (Unsupported u = judge(node, data); !u.kind.empty()) {
      const auto [known, is_new] = place.emplace(u.kind, unsupported.size());
      if (is_new)
        unsupported.push_back(std::move(u));
      else
        ++unsupported[known->second].count;
    }
    for (const auto& output : node.outputs) {
      defined.insert(output);
      if (!data.empty() && node.op != "Shape") on_data.insert(output);
    }
  }
  if (!unsupported.empty()) return fail(list(unsupported));
  if (graph.inputs.empty()) return fail("the model has no input that its output depends on");
  if (graph.inputs.size() > 1)
    return fail("the model has several inputs (" + in_quotes(graph.inputs[0].name) + ", " +
                in_quotes(graph.inputs[1].name) + "); supported is one image");
  const auto& input = graph.inputs.front();
  if (!input.problem.empty()) return fail("the model's input " + in_quotes(input.name) + " " + input.problem);
  graph.input = input.name;
  graph.input_dims = input.dims;
  return {};
}

}  // namespace blindsight::model
