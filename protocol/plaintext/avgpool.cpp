#include "protocol/plaintext/avgpool.h"

#include "protocol/plaintext/windows.h"

namespace blindsight::protocol::plaintext {

Values sum_pool(const tensor::Shape& in, const tensor::Window& window, std::span<const std::int64_t> x) {
  return fold_windows(in, window, x, 0, [](std::int64_t a, std::int64_t b) { return a + b; });
}

}  // namespace blindsight::protocol::plaintext
