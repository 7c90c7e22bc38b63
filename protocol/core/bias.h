#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace blindsight::protocol {

/// Adds a layer's bias to elements first, first + 1, … of its linear result. `bias` has LayerSpec::bias_elements()
/// words, in the result's own order: one for each channel, used again at each position, or one for each element.
template <class Word>
void add_bias(std::span<const Word> bias, std::size_t first, std::span<Word> result) {
  for (std::size_t at = 0; at < result.size();) {
    const std::size_t from = (first + at) % bias.size(), n = std::min(bias.size() - from, result.size() - at);
    for (std::size_t i = 0; i < n; ++i) result[at + i] += bias[from + i];
    at += n;
  }
}

}  // namespace blindsight::protocol
