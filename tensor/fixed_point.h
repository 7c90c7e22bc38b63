#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace blindsight::tensor {

/// round(x · scale), half away from zero. Throws std::range_error naming the index when a value does not fit `bits`
/// bits two's complement.
std::vector<std::int64_t> encode(std::span<const float> x, double scale, unsigned bits);
/// x / scale.
std::vector<float> decode(std::span<const std::int64_t> x, double scale);

}  // namespace blindsight::tensor
