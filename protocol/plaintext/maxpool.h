#pragma once

#include "protocol/plaintext/conv2d.h"

namespace blindsight::protocol::plaintext {

/// Largest element of each window; elements outside the map do not count.
Values max_pool(const tensor::Shape& in, const tensor::Window& window, std::span<const std::int64_t> x);

}  // namespace blindsight::protocol::plaintext
