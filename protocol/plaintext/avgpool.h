#pragma once

#include "protocol/plaintext/conv2d.h"

namespace blindsight::protocol::plaintext {

/// Sum of each window: an average pool whose division is in the next layer's scale.
Values sum_pool(const tensor::Shape& in, const tensor::Window& window, std::span<const std::int64_t> x);

}  // namespace blindsight::protocol::plaintext
