#include "model/quantize/rounding.h"

#include <cmath>

namespace blindsight::model {

namespace {

template <class Round>
double with_mantissa(int bits, double v, Round round) {
  int exponent = 0;
  const double part = std::frexp(v, &exponent);
  return std::ldexp(round(std::ldexp(part, bits)), exponent - bits);
}

}  // namespace

double to_eight_bits(double v) {
  return with_mantissa(8, v, [](double x) { return std::round(x); });
}

double towards_zero_to_eight_bits(double v) {
  return with_mantissa(8, v, [](double x) { return std::trunc(x); });
}

double up_to_two_bits(double v) {
  return with_mantissa(2, v, [](double x) { return std::ceil(x); });
}

double up_to_two_digits(double v) {
  const double unit = std::pow(10, std::floor(std::log10(v)) - 1);
  return std::ceil(v / unit * (1 - 1e-12)) * unit;
}

}  // namespace blindsight::model
