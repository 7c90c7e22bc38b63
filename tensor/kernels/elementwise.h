#pragma once

#include <span>

#include "tensor/ring.h"

namespace blindsight::tensor {

/// x mod 2^bits, in place. Word is Word16 or Word32 here and below.
template <class Word>
void cut(std::span<Word> x, unsigned bits);
/// (a + b) mod 2^bits and (a - b) mod 2^bits; `out` may be `a` or `b`.
template <class Word>
void add(std::span<const Word> a, std::span<const Word> b, unsigned bits, std::span<Word> out);
template <class Word>
void subtract(std::span<const Word> a, std::span<const Word> b, unsigned bits, std::span<Word> out);

/// Shifts x mod 2^ring down by `shift` bits, rounding down, or `up`: -((-x mod 2^ring) >> shift). Results mod 2^(ring -
/// shift), which is at most 16.
void shift_down(std::span<const Word32> x, unsigned ring, unsigned shift, bool up, std::span<Word16> out);

/// d ? x - bx : bx for each element, with bx = c·b - br and x = (c, or 0 unless `with_c`) - r, all mod 2^16. d is a
/// plane. Where `high` is given, both are extended above `width` bits: with n = NOT bit width-1 of c, bx += n·high->br
/// << width and x += (high->carry + n·high->r) << width.
struct Multiplex {
  struct High {
    std::span<const Word16> carry, r, br;
  };
  std::span<const Word64> d;
  std::span<const Word16> c, r, b, br;
  const High* high = nullptr;
  unsigned width = 16;
  bool with_c = false;
};
void multiplex(const Multiplex& in, std::span<Word16> out);

/// y - 2^from · w mod 2^to, where w = (a XOR m) - ((1-2a)(1-2b)·p + b(1-2a)·m + (a·b if with_ab)); a, b, m are planes.
/// With a, b two masked bits, m one of the masks and p a share of their product, w is a share of the OR of the two
/// bits.
struct WrapRemoval {
  std::span<const Word16> y;
  std::span<const Word64> a, b, m;
  std::span<const Word32> p;
  unsigned from = 0, to = 32;
  bool with_ab = false;
};
void remove_wraps(const WrapRemoval& in, std::span<Word32> out);

}  // namespace blindsight::tensor
