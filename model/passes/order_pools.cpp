#include <algorithm>

#include "model/passes/passes.h"

namespace blindsight::model {

void order_pools(Chain& chain) {
  const auto is_pool = [](const ChainNode& node) { return std::holds_alternative<MaxPool>(node.op); };
  const auto moves = [&](const ChainNode& node) { return is_pool(node) || std::holds_alternative<Relu>(node.op); };
  for (auto run = chain.nodes.begin(); run != chain.nodes.end();) {
    run = std::find_if(run, chain.nodes.end(), moves);
    const auto end = std::find_if_not(run, chain.nodes.end(), moves);
    std::stable_partition(run, end, is_pool);
    run = end;
  }
}

}  // namespace blindsight::model
