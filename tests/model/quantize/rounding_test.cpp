#include "model/quantize/rounding.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace blindsight::model;

TEST_CASE("eight bits of a mantissa are left, the nearest ones or the next towards zero") {
  CHECK(to_eight_bits(255) == 255);
  CHECK(to_eight_bits(511) == 512);
  CHECK(to_eight_bits(-511) == -512);
  CHECK(towards_zero_to_eight_bits(511) == 510);
  CHECK(towards_zero_to_eight_bits(-511) == -510);
  CHECK(to_eight_bits(0) == 0);
  std::mt19937 generator(3);
  for (int i = 0; i < 1000; ++i) {
    const double v = std::ldexp(static_cast<double>(generator()) + 1, static_cast<int>(generator() % 80) - 60);
    const double near = to_eight_bits(v), below = towards_zero_to_eight_bits(v);
    CHECK(std::abs(near - v) <= v / 256);
    CHECK(below <= v);
    CHECK(below > v * (1 - 1.0 / 128));
    for (const double rounded : {near, below}) CHECK(std::fmod(std::ldexp(rounded, 8 - std::ilogb(rounded)), 2) == 0);
  }
}

TEST_CASE("two bits are left, never below the number") {
  for (const double v : {1.0, 1.5, 2.0, 3.0, 0.75, 0.03125}) CHECK(up_to_two_bits(v) == v);
  CHECK(up_to_two_bits(1.0001) == 1.5);
  CHECK(up_to_two_bits(1.6) == 2);
  CHECK(up_to_two_bits(42) == 48);
  CHECK(up_to_two_bits(0.0297) == 0.03125);
}

TEST_CASE("two digits are left, never below the number, and a number that has no more stays") {
  CHECK(up_to_two_digits(0.5) == doctest::Approx(0.5));
  CHECK(up_to_two_digits(0.49951) == doctest::Approx(0.5));
  CHECK(up_to_two_digits(1.21) == doctest::Approx(1.3));
  CHECK(up_to_two_digits(4321) == doctest::Approx(4400));
  CHECK(up_to_two_digits(0.00991) == doctest::Approx(0.01));
  CHECK(up_to_two_digits(12) == doctest::Approx(12));
}
