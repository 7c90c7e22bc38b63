#include <utility>

#include "model/passes/passes.h"

namespace blindsight::model {

void order_pools(Chain& chain) {
  for (std::size_t end = 1; end < chain.nodes.size(); ++end)
    for (std::size_t i = end; i > 0; --i) {
      if (!std::holds_alternative<MaxPool>(chain.nodes[i].op) || !std::holds_alternative<Relu>(chain.nodes[i - 1].op))
        break;
      std::swap(chain.nodes[i], chain.nodes[i - 1]);
    }
}

}  // namespace blindsight::model
