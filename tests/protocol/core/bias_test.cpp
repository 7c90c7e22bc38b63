#include "protocol/core/bias.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using blindsight::protocol::add_bias;

TEST_CASE("a bias for each channel comes again at each position, one for each element starts where the rows start") {
  const std::vector<std::int64_t> channels{1, 2, 3};
  std::vector<std::int64_t> result(9, 10);
  add_bias<std::int64_t>(channels, 0, result);
  CHECK(result == std::vector<std::int64_t>{11, 12, 13, 11, 12, 13, 11, 12, 13});

  const std::vector<std::int64_t> elements{1, 2, 3, 4, 5, 6};
  std::vector<std::int64_t> rows(3, 0);
  add_bias<std::int64_t>(elements, 3, rows);
  CHECK(rows == std::vector<std::int64_t>{4, 5, 6});
}
