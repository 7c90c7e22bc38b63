#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "model/graph/graph.h"
#include "model/passes/walk.h"
#include "protocol/core/result.h"
#include "tensor/shape.h"

namespace blindsight::model {

/// A window as a node's attributes say it.
struct WindowAttributes {
  tensor::Window window;  ///< padded as the node says, not as a Pad before it does
  std::size_t dilation_y = 1, dilation_x = 1;
};

/// kernel_shape, strides, pads, auto_pad and dilations over the current map (padded by the Pad before it, if any).
/// `kernel`: the size that the weights say; kernel_shape may be left out then.
protocol::Result<WindowAttributes> read_window(const Walk& walk, const Node& node,
                                               std::optional<std::array<std::size_t, 2>> kernel);

}  // namespace blindsight::model
