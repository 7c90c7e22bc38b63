#include "tensor/fixed_point.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <string>

namespace blindsight::tensor {

TEST_CASE("encode rounds half away from zero and decode undoes it") {
  const std::vector<float> x{0.f, 0.5f, -0.5f, 1.25f, -1.375f, 0.124f};
  CHECK(encode(x, 4, 8) == std::vector<std::int64_t>{0, 2, -2, 5, -6, 0});
  CHECK(encode(std::vector<float>{0.5f, -0.5f, 1.5f, -2.5f}, 1, 8) == std::vector<std::int64_t>{1, -1, 2, -3});
  CHECK(decode(std::vector<std::int64_t>{5, -6}, 4) == std::vector<float>{1.25f, -1.5f});
}

TEST_CASE("encode refuses what does not fit and names where") {
  CHECK(encode(std::vector<float>{127.f, -128.f}, 1, 8) == std::vector<std::int64_t>{127, -128});
  for (const float bad : {128.f, -129.f, std::nanf(""), INFINITY}) {
    CAPTURE(bad);
    try {
      encode(std::vector<float>{0, 1, bad}, 1, 8);
      FAIL("no error");
    } catch (const std::range_error& error) {
      CHECK(std::string(error.what()).find("index 2") != std::string::npos);
    }
  }
  CHECK_THROWS_AS(encode(std::vector<float>{9.3e18f}, 1, 64), std::range_error);
  CHECK_THROWS_AS(encode(std::vector<float>{0}, 1, 65), std::invalid_argument);
}

}  // namespace blindsight::tensor
