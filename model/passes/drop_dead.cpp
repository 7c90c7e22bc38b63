#include <algorithm>
#include <map>
#include <set>

#include "model/fault.h"
#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::Result;

Result<void> drop_dead(Graph& graph) {
  std::set<std::string> defined;
  std::map<std::string, std::size_t> made_by;
  for (const auto& input : graph.inputs)
    if (!defined.insert(input.name).second) return fail("the value " + in_quotes(input.name) + " is defined twice");
  for (const auto& [name, constant] : graph.constants)
    if (!defined.insert(name).second) return fail("the value " + in_quotes(name) + " is defined twice");
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    for (const auto& output : graph.nodes[i].outputs) {
      if (output.empty()) continue;
      if (!defined.insert(output).second)
        return fail(describe(graph.nodes[i]) + " makes " + in_quotes(output) + ", which is defined already");
      made_by[output] = i;
    }
  if (made_by.count(graph.output) == 0) return fail("the output " + in_quotes(graph.output) + " is made by no node");

  std::vector<bool> needed(graph.nodes.size(), false);
  std::vector<std::size_t> open{made_by[graph.output]};
  std::set<std::string> read;
  needed[open.front()] = true;
  while (!open.empty()) {
    const Node& node = graph.nodes[open.back()];
    open.pop_back();
    for (const auto& input : node.inputs) {
      if (input.empty() || !read.insert(input).second) continue;
      const auto maker = made_by.find(input);
      if (maker == made_by.end() || needed[maker->second]) continue;
      needed[maker->second] = true;
      open.push_back(maker->second);
    }
  }
  std::vector<Node> rest;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (needed[i]) rest.push_back(std::move(graph.nodes[i]));
  graph.nodes = std::move(rest);
  std::erase_if(graph.inputs, [&](const auto& input) { return read.count(input.name) == 0; });
  std::erase_if(graph.constants, [&](const auto& constant) { return read.count(constant.first) == 0; });
  return {};
}

}  // namespace blindsight::model
