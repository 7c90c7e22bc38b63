#include "protocol/plaintext/maxpool.h"

#include <algorithm>
#include <limits>

#include "protocol/plaintext/windows.h"

namespace blindsight::protocol::plaintext {

Values max_pool(const tensor::Shape& in, const tensor::Window& window, std::span<const std::int64_t> x) {
  return fold_windows(in, window, x, std::numeric_limits<std::int64_t>::min(),
                      [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
}

}  // namespace blindsight::protocol::plaintext
