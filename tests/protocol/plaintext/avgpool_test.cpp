#include "protocol/plaintext/avgpool.h"

#include <doctest/doctest.h>

namespace blindsight::protocol::plaintext {
namespace {

TEST_CASE("a sum pool adds each window, channel by channel, what lies outside of the map adds nothing") {
  // 3x3, two channels, the second one the first negated.
  Values map;
  for (std::int64_t v = 1; v <= 9; ++v) map.insert(map.end(), {v, -v});
  CHECK(sum_pool({3, 3, 2}, {2, 2, 1, 1}, map) == Values{12, -12, 16, -16, 24, -24, 28, -28});
  CHECK(sum_pool({3, 3, 2}, {2, 2, 2, 2}, map) == Values{12, -12});  // sizes round down
  CHECK(sum_pool({3, 3, 2}, {3, 3, 2, 2, 1, 1, 1, 1}, map) == Values{12, -12, 16, -16, 24, -24, 28, -28});
}

}  // namespace
}  // namespace blindsight::protocol::plaintext
