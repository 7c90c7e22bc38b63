#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/graph/graph.h"
#include "model/passes/walk.h"
#include "protocol/core/result.h"

namespace blindsight::model {

using Operands = std::vector<const Constant*>;  ///< by position; null: left out

/// One ONNX operator: what the import does with it where it reads the image's values, and where all that it reads is
/// known. What is null is refused.
struct Operator {
  std::string_view name;
  protocol::Result<void> (*on_data)(Walk&, const Node&) = nullptr;
  protocol::Result<Constant> (*on_constants)(const Node&, const Operands&) = nullptr;
  std::size_t operands = 0;    ///< of constants: so many at least must be there, and none without values
  bool moves_alone = false;    ///< on data it changes how values lie, no value: allowed behind the last operation
  bool takes_padding = false;  ///< on data it lets zeros around the map (Walk::padding) be, or reads them itself
};

/// The table; null for an operator that is not in it.
const Operator* find_operator(std::string_view name);
/// "supported are Conv, BatchNormalization, …": the end of every refusal of an operator.
std::string supported_operators();

namespace operators {

protocol::Result<void> conv(Walk&, const Node&);
protocol::Result<void> gemm(Walk&, const Node&);
protocol::Result<void> mat_mul(Walk&, const Node&);

protocol::Result<void> max_pool(Walk&, const Node&);
protocol::Result<void> average_pool(Walk&, const Node&);
protocol::Result<void> global_pool(Walk&, const Node&);
protocol::Result<void> reduce(Walk&, const Node&);
protocol::Result<void> pad(Walk&, const Node&);

protocol::Result<void> batch_normalization(Walk&, const Node&);
/// Add, Sub, Mul and Div with a constant.
protocol::Result<void> arithmetic(Walk&, const Node&);

protocol::Result<void> relu(Walk&, const Node&);
/// Clip and Max where they are ReLU.
protocol::Result<void> clip(Walk&, const Node&);
protocol::Result<void> maximum(Walk&, const Node&);
/// Softmax, LogSoftmax and Sigmoid, at the end alone.
protocol::Result<void> last(Walk&, const Node&);
protocol::Result<void> nothing(Walk&, const Node&);
protocol::Result<void> dropout(Walk&, const Node&);
protocol::Result<void> cast(Walk&, const Node&);

protocol::Result<void> flatten(Walk&, const Node&);
protocol::Result<void> reshape(Walk&, const Node&);
protocol::Result<void> transpose(Walk&, const Node&);
protocol::Result<void> squeeze(Walk&, const Node&);
protocol::Result<void> unsqueeze(Walk&, const Node&);

}  // namespace operators

namespace constants {

protocol::Result<Constant> constant(const Node&, const Operands&);
protocol::Result<Constant> identity(const Node&, const Operands&);
protocol::Result<Constant> cast(const Node&, const Operands&);
protocol::Result<Constant> dequantize(const Node&, const Operands&);
protocol::Result<Constant> arithmetic(const Node&, const Operands&);
protocol::Result<Constant> shape(const Node&, const Operands&);
protocol::Result<Constant> flatten(const Node&, const Operands&);
protocol::Result<Constant> reshape(const Node&, const Operands&);
protocol::Result<Constant> transpose(const Node&, const Operands&);
protocol::Result<Constant> squeeze(const Node&, const Operands&);
protocol::Result<Constant> unsqueeze(const Node&, const Operands&);
protocol::Result<Constant> concat(const Node&, const Operands&);
protocol::Result<Constant> gather(const Node&, const Operands&);
protocol::Result<Constant> slice(const Node&, const Operands&);

}  // namespace constants

/// Whether ONNX's number of a type of tensors is one of real numbers that the import reads.
bool is_real_type(std::int64_t type);
/// Error: more than most_dimensions.
protocol::Result<void> check_rank(const Node& node, std::size_t rank);
/// A Shape's result: sizes[start, end) as its attributes say.
protocol::Result<Constant> shape_constant(const Node& node, const std::vector<std::int64_t>& sizes);
/// The sizes that Reshape asks for, 0 and -1 resolved against `now`. Error: they do not have as many elements.
protocol::Result<std::vector<std::int64_t>> reshape_sizes(const Node& node, const std::vector<std::int64_t>& now,
                                                          const std::vector<std::int64_t>& wanted);
/// Transpose's permutation of `rank` axes; the axes backwards when the node has none.
protocol::Result<std::vector<std::int64_t>> permutation(const Node& node, std::size_t rank);
/// `axes`, of a tensor of `rank`, none negative any more, rising, each once.
protocol::Result<std::vector<std::size_t>> positive_axes(const Node& node, const std::vector<std::int64_t>& axes,
                                                         std::size_t rank);

}  // namespace blindsight::model
