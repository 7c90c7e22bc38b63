#pragma once

#include "protocol/beaver/dealing.h"

namespace blindsight::protocol::pond {

/// Fields that Pond deals beside those of protocol/beaver; the level says which of several.
enum class Field : std::uint8_t {
  relu_mask = 16,  ///< hides what a ReLU opens: u, y = u², and y² or v
  relu_product,    ///< products of those masks: relu.cpp lists them
};

constexpr beaver::Slot slot(Field field, std::uint8_t level = 0) {
  return {static_cast<std::uint8_t>(field), level};
}

}  // namespace blindsight::protocol::pond
