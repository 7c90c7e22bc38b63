#include "protocol/plaintext/maxpool.h"

#include <doctest/doctest.h>

namespace blindsight::protocol::plaintext {
namespace {

TEST_CASE("a max pool takes each window's largest, channel by channel, what lies outside of the map does not count") {
  Values map;
  for (std::int64_t v = 1; v <= 9; ++v) map.insert(map.end(), {v, -v});
  CHECK(max_pool({3, 3, 2}, {2, 2, 1, 1}, map) == Values{5, -1, 6, -2, 8, -4, 9, -5});
  CHECK(max_pool({3, 3, 2}, {2, 2, 2, 2}, map) == Values{5, -1});
  // Padding is no zero: the largest of negative values stays negative.
  CHECK(max_pool({3, 3, 2}, {3, 3, 2, 2, 1, 1, 1, 1}, map) == Values{5, -1, 6, -2, 8, -4, 9, -5});
}

}  // namespace
}  // namespace blindsight::protocol::plaintext
