#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "model/graph/float_network.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// The network as an ONNX file of opset 13: per layer Conv (or Flatten and Gemm) with bias, MaxPool, Relu, AveragePool,
/// and at the end Softmax, LogSoftmax or Sigmoid where the network has one. Weights are float32 initializers; the batch
/// is left open. import_onnx reads it back as the same network. Error: a network beyond what protobuf serializes.
protocol::Result<std::vector<std::uint8_t>> to_onnx(const FloatNetwork& network);
/// The same into a file of mode 0600: weights are their owner's secret.
protocol::Result<void> export_onnx(const FloatNetwork& network, const std::filesystem::path& file);

}  // namespace blindsight::model
