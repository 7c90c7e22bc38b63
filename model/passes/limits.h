#pragma once

#include <cstddef>
#include <cstdint>

namespace blindsight::model {

// What no machine could do is refused from shapes alone, before any memory is taken: a map of so many elements takes
// gigabytes at a server, so many products minutes, so many comparisons send gigabytes.
constexpr std::int64_t largest_side = 1 << 16;
constexpr std::int64_t largest_channels = 1 << 20;
constexpr std::size_t largest_map = std::size_t{1} << 26;
constexpr double most_macs = 4e12, most_comparisons = 1e9, most_additions = 1e11;

/// Elements of one filter that stands in no file but is made by a pass, to hand a map or the outputs through, and of
/// one bias that is made for each position.
constexpr std::size_t largest_made = std::size_t{1} << 24;
/// Elements of all filters, biases, scales and shifts together: so many times those in the file, and so many more.
constexpr std::size_t most_copies = 16, most_made = std::size_t{1} << 26;

}  // namespace blindsight::model
