#pragma once

#include "protocol/blink/fields.h"

namespace blindsight::protocol::blink::testing {

/// What shares mod 2^bits add up to, signed.
template <class Word>
std::vector<std::int64_t> revealed(std::span<const Word> a, std::span<const Word> b, unsigned bits) {
  std::vector<std::int64_t> v(a.size());
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = tensor::as_signed(static_cast<Word64>(a[i]) + b[i], bits);
  return v;
}

/// max(x, 0) of k bits mod 2^summed, every x and every sharing, by the code that the servers and the producer run; then
/// lifted to `lifted` bits, if that is not 0. To be called in a test case.
void check_positive_part(unsigned k, unsigned summed, unsigned lifted, PartyId receiver);

}  // namespace blindsight::protocol::blink::testing
