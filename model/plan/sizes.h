#pragma once

#include <cstddef>

namespace blindsight::model {

/// Bytes of a plan and of a file of weights, at most.
constexpr std::size_t largest_plan = std::size_t{1} << 24;
constexpr std::size_t largest_weights = std::size_t{1} << 32;

/// Bytes of a model's, layer's or output's name in a plan, and labels, at most.
constexpr std::size_t longest_text = 256;
constexpr std::size_t most_labels = 4096;

}  // namespace blindsight::model
