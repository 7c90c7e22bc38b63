#include <doctest/doctest.h>

#include "model/image/formats.h"

using namespace blindsight;
using namespace blindsight::model;

TEST_CASE("shrinking is antialiased with a triangle, as PIL does it") {
  const Pixels line{{1, 4, 1}, {0, 1, 2, 3}, {}};
  const auto half = resize(line, 1, 2);
  // Center 1, reach 2: pixels 0, 1, 2 weigh 3, 3, 1; and mirrored.
  CHECK(half[0] == doctest::Approx((0 * 3 + 1 * 3 + 2 * 1) / 7.0));
  CHECK(half[1] == doctest::Approx((1 * 1 + 2 * 3 + 3 * 3) / 7.0));
  CHECK(resize(line, 1, 4) == std::vector<float>{0, 1, 2, 3});
  CHECK(resize({{1, 2, 1}, {0, 4}, {}}, 1, 4) == std::vector<float>{0, 1, 3, 4});
  for (const float v : resize({{7, 5, 2}, std::vector<std::uint8_t>(70, 3), {}}, 3, 11)) CHECK(v == doctest::Approx(3));
  // Rows as columns.
  const auto column = resize({{4, 1, 1}, {0, 1, 2, 3}, {}}, 2, 1);
  for (std::size_t i = 0; i < 2; ++i) CHECK(column[i] == doctest::Approx(half[i]));
}

TEST_CASE("rows and columns are resized alike, larger and smaller") {
  for (const std::size_t from : {1U, 3U, 10U, 31U})
    for (const std::size_t to : {1U, 2U, 7U, 40U}) {
      std::vector<std::uint8_t> samples;
      for (std::size_t i = 0; i < from; ++i) samples.push_back(static_cast<std::uint8_t>(i * i * 7));
      const auto wide = resize({{1, from, 1}, samples, {}}, 1, to), high = resize({{from, 1, 1}, samples, {}}, to, 1);
      for (std::size_t i = 0; i < to; ++i) CHECK(wide[i] == doctest::Approx(high[i]));
    }
}
