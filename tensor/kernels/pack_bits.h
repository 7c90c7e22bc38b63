#pragma once

#include <span>

#include "tensor/ring.h"

namespace blindsight::tensor {

/// Bytes that n values of `bits` bits take on the wire; pad bits of the last byte are zero.
constexpr std::size_t packed_bytes(std::size_t n, unsigned bits) {
  return (n * bits + 7) / 8;
}

/// The low `bits` bits of each word, little-endian bit stream: value i occupies stream bits [i·bits, (i+1)·bits). Bits
/// above are cut before they leave. `out` has packed_bytes(in.size(), bits) bytes. Word is Word16, Word32 or Word64; 1
/// <= bits <= word.
template <class Word>
void pack_bits(std::span<const Word> in, unsigned bits, std::span<std::uint8_t> out);

/// The inverse; `in` has at least packed_bytes(out.size(), bits) bytes.
template <class Word>
void unpack_bits(std::span<const std::uint8_t> in, unsigned bits, std::span<Word> out);

}  // namespace blindsight::tensor
