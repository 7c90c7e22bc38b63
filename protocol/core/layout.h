#pragma once

#include <vector>

#include "protocol/core/layer_spec.h"
#include "protocol/core/program.h"

namespace blindsight::protocol {

/// One band of a layer: the rows of every map between its input and its output that it computes. Everything between the
/// convolution and the opening of E' happens inside a band.
struct BandLayout {
  tensor::RowRange in;                       ///< of the convolution's input
  tensor::RowRange conv;                     ///< of the convolution's output
  std::vector<tensor::RowRange> max_pooled;  ///< after each max pool
  tensor::RowRange relu;                     ///< where ReLU works: the last max_pooled, or conv
  std::vector<tensor::RowRange> averaged;    ///< after each average pool
  tensor::RowRange out;                      ///< what the band adds to the layer's result
};

/// The bands of one layer, of about `conv_rows` rows of the convolution's output, whole multiples of `unit` rows
/// (what the algorithm computes together) and of whole pool windows. The last layer is one band: it ends with one
/// message to the data owner.
std::vector<BandLayout> bands(const NetworkSpec& network, std::size_t layer, std::size_t conv_rows,
                              std::size_t unit = 1);

/// A network's values for Program::values(): `bands` of each layer, maps of `element_bytes` for each element.
std::vector<ValueInfo> values(const NetworkSpec& network, const std::vector<std::vector<BandLayout>>& bands,
                              std::size_t element_bytes);

/// What every protocol needs of a network's shapes: layers that follow one another, windows that fit. The error names
/// the layer.
Result<void> check_shapes(const NetworkSpec& network);

}  // namespace blindsight::protocol
