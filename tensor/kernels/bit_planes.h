#pragma once

#include <span>

#include "tensor/ring.h"

namespace blindsight::tensor {

/// A bit plane of n elements: element i is bit i % 64 of word i / 64. Planes are padded to whole blocks of 512 elements
/// so that every instruction set walks them without tails; pad bits have no meaning in memory and are cut to zero on
/// the wire.
constexpr std::size_t plane_words(std::size_t n) {
  return (n + 511) / 512 * 8;
}

/// `bits` consecutive planes from the low `bits` bits of n = in.size() words; planes has bits · plane_words(n) words.
/// Pad bits: zero.
void to_planes(std::span<const Word16> in, unsigned bits, std::span<Word64> planes);

/// n bits of a plane as packed_bytes(n, 1) bytes and back (pad bits zero both ways).
void pack_plane(std::span<const Word64> plane, std::size_t n, std::span<std::uint8_t> out);
void unpack_plane(std::span<const std::uint8_t> in, std::size_t n, std::span<Word64> plane);

/// out[i] = bit i of `plane` ? ones[i] : zeros[i]. Word is Word16 or Word32. `out` may be `ones` or `zeros`.
template <class Word>
void select_by_plane(std::span<const Word64> plane, std::span<const Word> ones, std::span<const Word> zeros,
                     std::span<Word> out);

/// One digit of at most four bits of a public c against a shared r: a party's XOR share of [c < r] and [c = r], plane
/// by plane.
///   c         `bits` planes, public (least significant first)
///   monomials (1 << bits) - 1 planes: this party's XOR shares of the products of r's bits; plane S - 1 is the product
///   over the set
///             bits of S
///   constant  whether this party adds the public terms (exactly one party does)
/// With n_j = NOT c_j:  [c = r] = XOR over S of m_S · AND over j not in S of n_j   (the empty S is public)
///                      [c < r] = XOR over S != {} of m_S · n_min(S) · AND over j > min(S), j not in S, of n_j
/// All planes have `words` words and follow one another.
void compare_digit(const Word64* c, const Word64* monomials, unsigned bits, bool constant, std::size_t words,
                   Word64* less, Word64* equal);

/// The (1 << bits) - 1 monomial planes of `bits` planes r, in the order above (what the crypto producer shares).
void monomials(const Word64* r, unsigned bits, std::size_t words, Word64* out);

}  // namespace blindsight::tensor
