#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/graph/float_network.h"
#include "model/graph/layout.h"
#include "tensor/shape.h"

namespace blindsight::model {

/// Convolution or fully connected layer; filter and bias as FloatLayer has them.
struct Linear {
  tensor::ConvShape conv;
  std::vector<float> filter, bias;
  /// Of a fully connected layer: the map that it reads as one row of numbers, in our order.
  std::optional<tensor::Shape> flattened;
};
/// x · scale + shift in our order: one number for each channel, or one for each element of the map.
struct Affine {
  std::vector<float> scale, shift;
  bool evens_out_average = false;  ///< of an average pool whose windows the border cuts
};
struct Relu {};
struct MaxPool {
  tensor::Window window;
};
/// Sums divided by the window's size; what lies outside the map counts as zero.
struct AveragePool {
  tensor::Window window;
};

struct ChainNode {
  std::string what;  ///< describe(node), for errors
  std::string name;  ///< the node's, or its output's
  tensor::Shape in;  ///< the map that it reads
  std::variant<Linear, Affine, Relu, MaxPool, AveragePool> op;
};

/// A network without branches.
struct Chain {
  std::string name;
  tensor::Shape input;
  std::vector<ChainNode> nodes;
  tensor::Shape output_map;  ///< the last value
  Layout output_layout;      ///< its tensor in the graph
  PostOperation post = PostOperation::none;
  std::vector<std::string> notes;  ///< what was folded into what
  std::size_t made = 0;            ///< elements of all filters, biases, scales and shifts so far
  std::size_t most_made = 0;       ///< of them in the end, at most
};

/// A linear layer that hands every channel through, times scale[c] plus shift (a number for each channel or each
/// element): where a map needs what no layer before it can take. Empty scale: 1; empty shift: 0.
Linear hand_through(const tensor::Shape& map, const std::vector<float>& scale = {}, std::vector<float> shift = {});

}  // namespace blindsight::model
