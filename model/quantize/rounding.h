#pragma once

namespace blindsight::model {

/// What a plan, which is public, tells of a number that calibration or the weights decide: no more than these leave.

/// To a mantissa of eight bits.
double to_eight_bits(double v);
/// The same, never further from 0.
double towards_zero_to_eight_bits(double v);
/// To a mantissa of two bits, never below: 1, 1.5, 2, 3, 4, 6, …; `v` > 0.
double up_to_two_bits(double v);
/// To two significant digits, never below; `v` > 0.
double up_to_two_digits(double v);

}  // namespace blindsight::model
