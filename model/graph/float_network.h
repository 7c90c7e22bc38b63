#pragma once

#include <string>
#include <vector>

#include "tensor/shape.h"

namespace blindsight::model {

/// One layer as trained, in the order in which every protocol evaluates it (protocol::LayerSpec):
///   convolution + bias  →  max pools  →  ReLU  →  average pools (true averages; padding counts as elements of value
///   zero).
/// A fully connected layer is a convolution over a 1×1 map whose channels are the flattened map before it, in its row,
/// column, channel order.
struct FloatLayer {
  std::string name;  ///< the node that it came from
  tensor::ConvShape conv;
  std::vector<float> filter;  ///< [kernel row][kernel column][in channel][out channel]
  std::vector<float> bias;    ///< [out channel], or one for each element of the convolution's result
  std::vector<tensor::Window> max_pools;
  bool relu = false;
  std::vector<tensor::Window> average_pools;

  bool bias_per_position() const { return bias.size() != conv.out_channels; }
  /// Map after the max pools, where ReLU works.
  tensor::Shape relu_shape() const { return after(conv.out(), max_pools); }
  tensor::Shape out() const { return after(relu_shape(), average_pools); }

 private:
  static tensor::Shape after(tensor::Shape s, const std::vector<tensor::Window>& pools) {
    for (const auto& w : pools) s = {w.out_height(s.height), w.out_width(s.width), s.channels};
    return s;
  }
};

/// What the trained graph does with its last linear result: in clear, at the data owner.
enum class PostOperation { none, softmax, log_softmax, sigmoid };

/// A trained network as a chain of layers: what the passes make of an imported graph. The last layer is linear alone.
struct FloatNetwork {
  std::string name;
  tensor::Shape input;
  std::vector<FloatLayer> layers;
  PostOperation post = PostOperation::none;
  std::vector<std::string> notes;       ///< what the import folded into what, a sentence each
  std::vector<std::string> data_files;  ///< beside the model's file, in which it keeps its weights
};

}  // namespace blindsight::model
