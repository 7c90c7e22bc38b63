#pragma once

#include <string>

#include "model/graph/float_network.h"
#include "model/graph/graph.h"
#include "model/passes/chain.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// "supported are Conv, BatchNormalization, …": the end of every refusal of an operator.
std::string supported_operators();

// The passes, in the order in which lower() runs them. Each one leaves a simpler graph or says which node does not fit.

/// Known operators, every value defined once and before its use, one path of data.
protocol::Result<void> check_well_formed(const Graph& graph);
/// Constant, DequantizeLinear, Reshape, Transpose, Flatten and Identity of constants become constants.
protocol::Result<void> fold_constants(Graph& graph);
/// Identity, Dropout and Pad by nothing go.
protocol::Result<void> drop_identities(Graph& graph);
/// The nodes as a chain with shapes; a value used twice (a residual connection) does not fit.
protocol::Result<Chain> to_chain(const Graph& graph);
/// BatchNormalization and constant Add go into the Conv, Gemm or MatMul before them.
protocol::Result<void> fold_into_linear(Chain& chain);
/// ReLU → MaxPool becomes MaxPool → ReLU: the maximum commutes with it, and a quarter of the ReLUs remain.
void order_pools(Chain& chain);
/// Layers of the one form that protocols evaluate; a fully connected layer's rows go from ONNX's channel, row, column
/// order to ours.
protocol::Result<FloatNetwork> to_layers(Chain&& chain);

protocol::Result<FloatNetwork> lower(Graph graph);

}  // namespace blindsight::model
