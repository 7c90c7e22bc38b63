#pragma once

#include "protocol/securenn/parties.h"

/// Z_(2^64 - 1), the ring in which a top bit is a lowest bit: words below 2^64 - 1.
namespace blindsight::protocol::securenn::odd_ring {

constexpr Word64 modulus = ~Word64{0};

/// Takes any word, 2^64 - 1 too.
constexpr Word64 reduce(Word64 x) {
  return x == modulus ? 0 : x;
}
constexpr Word64 add(Word64 a, Word64 b) {
  const Word64 sum = a + b;
  return reduce(sum + (sum < a));
}
constexpr Word64 subtract(Word64 a, Word64 b) {
  return a - b - (a < b);
}

/// n uniform words below the modulus: words of the stream; in the place of one that is the modulus stands the next
/// word after the first n that is not.
Buffer<Word64> draw(const Prg& prg, const Stream& stream, std::size_t n);

/// The producer shares a uniform value, or a given one; the servers take their shares. As Dealer and ShareSource do
/// it for Z_2^64.
Buffer<Word64> random(beaver::Dealer& dealer, beaver::Slot slot, std::size_t n);
void deal(beaver::Dealer& dealer, beaver::Slot slot, std::span<const Word64> value);
Buffer<Word64> random(beaver::ShareSource& source, beaver::Slot slot, std::size_t n);
Buffer<Word64> dealt(beaver::ShareSource& source, beaver::Slot slot, std::size_t n);

}  // namespace blindsight::protocol::securenn::odd_ring
