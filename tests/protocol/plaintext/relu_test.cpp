#include "protocol/plaintext/relu.h"

#include <doctest/doctest.h>

#include <limits>

namespace blindsight::protocol::plaintext {
namespace {

TEST_CASE("the exact ReLU is max(x, 0)") {
  Values x{-3, 0, 5, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  relu(x);
  CHECK(x == Values{0, 0, 5, 0, std::numeric_limits<std::int64_t>::max()});
}

TEST_CASE("the polynomial ReLU is p(x / 2^A) 2^A, rounded to the nearest integer") {
  const ReluFit fit{.even = {0.125, 0.375, 0.5}, .worst = 0, .rms = 0};
  CHECK(relu_polynomial(fit, 0) == 0.125);
  CHECK(relu_polynomial(fit, 1) == 1.5);
  CHECK(relu_polynomial(fit, -1) == 0.5);
  CHECK(relu_polynomial(fit, 2) == 0.125 + 4 * 0.375 + 16 * 0.5 + 1);
  // A = 2: t = 1, -1/2, 1/4; 4 p(t) = 6, 0.5 + 0.375 + 0.125 - 1 = 0, and 0.5 + 0.09375 + 0.0078125 + 0.5 = 1.1015625.
  Values x{4, -2, 1};
  relu(x, fit, 2);
  CHECK(x == Values{6, 0, 1});
  // p(3/4) 4 = 0.5 + 0.84375 + 0.6328125 + 1.5 = 3.4765625; p(9/4) 4 = 0.5 + 7.59375 + 51.2578125 + 4.5 = 63.8515625.
  Values more{3, 9};
  relu(more, fit, 2);
  CHECK(more == Values{3, 64});
  // Far out of any plan's range the polynomial leaves the integers: it is bounded.
  Values far{std::int64_t{1} << 60};
  relu(far, fit, 2);
  CHECK(far == Values{std::int64_t{1} << 52});
}

}  // namespace
}  // namespace blindsight::protocol::plaintext
