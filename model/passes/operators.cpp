#include "model/passes/operators.h"

#include <algorithm>
#include <array>

namespace blindsight::model {

namespace {

// What the import knows. Constants: operands that must be there, at least; see Operator.
constexpr std::array table{
    Operator{"Conv", operators::conv, nullptr, 0, false, true},
    Operator{"BatchNormalization", operators::batch_normalization},
    Operator{"Relu", operators::relu},
    Operator{"Clip", operators::clip},
    Operator{"Max", operators::maximum},
    Operator{"MaxPool", operators::max_pool, nullptr, 0, false, true},
    Operator{"AveragePool", operators::average_pool, nullptr, 0, false, true},
    Operator{"GlobalAveragePool", operators::global_pool},
    Operator{"GlobalMaxPool", operators::global_pool},
    Operator{"ReduceMean", operators::reduce},
    Operator{"ReduceMax", operators::reduce},
    Operator{"Pad", operators::pad, nullptr, 0, false, true},
    Operator{"Gemm", operators::gemm},
    Operator{"MatMul", operators::mat_mul},
    Operator{"Add", operators::arithmetic, constants::arithmetic, 2},
    Operator{"Sub", operators::arithmetic, constants::arithmetic, 2},
    Operator{"Mul", operators::arithmetic, constants::arithmetic, 2},
    Operator{"Div", operators::arithmetic, constants::arithmetic, 2},
    Operator{"Flatten", operators::flatten, constants::flatten, 1, true},
    Operator{"Reshape", operators::reshape, constants::reshape, 1, true},
    Operator{"Transpose", operators::transpose, constants::transpose, 1, true, true},
    Operator{"Squeeze", operators::squeeze, constants::squeeze, 1, true},
    Operator{"Unsqueeze", operators::unsqueeze, constants::unsqueeze, 1, true},
    Operator{"Identity", operators::nothing, constants::identity, 1, true, true},
    Operator{"Dropout", operators::dropout, nullptr, 0, true, true},
    Operator{"Cast", operators::cast, constants::cast, 1, true, true},
    Operator{"Softmax", operators::last},
    Operator{"LogSoftmax", operators::last},
    Operator{"Sigmoid", operators::last},
    Operator{"Shape", nullptr, constants::shape, 1},
    Operator{"Constant", nullptr, constants::constant, 0},
    Operator{"DequantizeLinear", nullptr, constants::dequantize, 2},
    Operator{"Concat", nullptr, constants::concat, 1},
    Operator{"Gather", nullptr, constants::gather, 2},
    Operator{"Slice", nullptr, constants::slice, 1},
};

}  // namespace

const Operator* find_operator(std::string_view name) {
  const auto found = std::ranges::find(table, name, &Operator::name);
  return found == table.end() ? nullptr : &*found;
}

std::string supported_operators() {
  std::string on_data, on_constants;
  for (const Operator& op : table)
    (op.on_data != nullptr ? on_data : on_constants) +=
        ((op.on_data != nullptr ? on_data : on_constants).empty() ? "" : ", ") + std::string(op.name);
  return "supported are " + on_data +
         " (Add, Sub, Mul and Div with constants, Clip and Max as ReLU, Softmax, LogSoftmax "
         "and Sigmoid at the end alone), and on weights and shapes " +
         on_constants;
}

}  // namespace blindsight::model
