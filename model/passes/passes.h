#pragma once

#include <string>

#include "model/graph/float_network.h"
#include "model/graph/graph.h"
#include "model/passes/chain.h"
#include "protocol/core/result.h"

namespace blindsight::model {

// The passes, in the order in which lower() runs them. Each one leaves a simpler graph or says which node does not fit.
// What each ONNX operator becomes stands in operators.h and operators/.

/// Every value is defined once. Nodes and inputs that nothing on the way to the output reads go, whatever they are.
protocol::Result<void> drop_dead(Graph& graph);
/// One input, known operators, each value defined before its use. The error lists all that is not supported, by
/// operator, with counts.
protocol::Result<void> check_well_formed(Graph& graph);
/// The nodes as a chain with shapes, constants computed ahead on the way; a value used twice (a residual connection)
/// does not fit. Takes the graph's constants as it goes.
protocol::Result<Chain> to_chain(Graph&& graph);
/// Scales and shifts go into the Conv, Gemm or MatMul before or behind them, where that is exact; others become a layer
/// of their own, but for one at the very end, which stays.
protocol::Result<void> fold_affine(Chain& chain);
/// ReLU → MaxPool becomes MaxPool → ReLU: the maximum commutes with it, and a quarter of the ReLUs remain.
void order_pools(Chain& chain);
/// Layers of the one form that protocols evaluate; where the chain has another order, a layer that hands the map
/// through comes between.
protocol::Result<FloatNetwork> to_layers(Chain&& chain);

protocol::Result<FloatNetwork> lower(Graph graph);

}  // namespace blindsight::model
