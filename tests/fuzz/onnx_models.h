#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <span>

#include "tests/fuzz/property.h"

namespace blindsight::fuzz {

/// A small ONNX model that the bytes choose: a chain that is right for the most part, with operators that the passes
/// know and some that they do not, and now and then a number, a type, a name or a tensor that is not what it should be.
onnx::ModelProto make_model(std::span<const std::uint8_t> choices);

/// One change somewhere in the model: of a number, a text, a list's members.
void change_model(onnx::ModelProto& model, Random& random);

}  // namespace blindsight::fuzz
