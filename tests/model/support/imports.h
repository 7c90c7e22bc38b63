#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/graph/float_network.h"
#include "tests/model/support/onnx_builder.h"

namespace blindsight::model::test {

using Dims = std::vector<std::int64_t>;

/// A graph of channels, rows, columns 2×6×6 whose first node is a convolution of one element that hands both channels
/// through.
OnnxBuilder with_conv();
/// One of 2×6×5 whose first node is a convolution with a bias, to three channels of 5×4.
OnnxBuilder to_three_channels(std::int64_t opset = 13);
/// Appends a Flatten and a product to four numbers; `elements`: of the current value.
void finish(OnnxBuilder& b, std::int64_t elements);
/// Appends a BatchNormalization of `channels` with its constants.
void normalization(OnnxBuilder& b, const std::string& name, std::size_t channels);
/// `name` with a number behind it.
std::string nth(const std::string& name, int i);

/// The import must accept the graph.
FloatNetwork imported(OnnxBuilder& b);
/// It must, and the network computes what the operators' text in ONNX says (evaluate()).
FloatNetwork agrees(OnnxBuilder& b);
/// It must refuse the graph and say all of `words`.
void refused(OnnxBuilder& b, const std::vector<std::string>& words);
/// The network written as an ONNX file and imported again.
FloatNetwork through_file(const FloatNetwork& network);

}  // namespace blindsight::model::test
