#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "model/graph/float_network.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// Reads a trained model, with the file beside it where its tensors stand in one (ExternalData). The file is untrusted:
/// its size, every tensor and every shape are bounded before use, and nothing of the ONNX library but its message
/// classes runs. The error names the node, its operator and what is supported.
protocol::Result<FloatNetwork> import_onnx(const std::filesystem::path& file);
/// The same from memory, where external data is refused; `name` stands for the file in errors and names the network.
protocol::Result<FloatNetwork> import_onnx(std::span<const std::uint8_t> bytes, const std::string& name);

}  // namespace blindsight::model
