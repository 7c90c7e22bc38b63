#pragma once

#include <string>
#include <variant>
#include <vector>

#include "model/graph/float_network.h"
#include "tensor/shape.h"

namespace blindsight::model {

/// Convolution or fully connected layer; filter as FloatLayer has it, but a fully connected layer still reads ONNX's
/// flattened order.
struct Linear {
  tensor::ConvShape conv;
  std::vector<float> filter, bias;
  tensor::Shape
      flattened;  ///< the map that was flattened into a fully connected layer's input; its channels alone otherwise
  bool fully_connected = false;
};
/// x · scale[c] + shift[c]: a BatchNormalization or a constant Add.
struct Affine {
  std::vector<float> scale, shift;
};
struct Relu {};
struct MaxPool {
  tensor::Window window;
};
struct AveragePool {
  tensor::Window window;
};

struct ChainNode {
  std::string what;  ///< describe(node), for errors
  std::string name;  ///< the node's, or its output's
  std::variant<Linear, Affine, Relu, MaxPool, AveragePool> op;
};

/// A network without branches.
struct Chain {
  std::string name;
  tensor::Shape input;
  std::vector<ChainNode> nodes;
  tensor::Shape output_map;  ///< the last value, before it was flattened
  bool output_flat = false;
  PostOperation post = PostOperation::none;
};

}  // namespace blindsight::model
