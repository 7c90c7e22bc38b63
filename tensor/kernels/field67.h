#pragma once

#include <span>

#include "tensor/ring.h"

/// The prime field Z_67 in bytes, as SecureNN compares in it: 64 values to an element (one to a bit of a Word64), laid
/// out [64][elements], so that every lane of a register is another element.
namespace blindsight::tensor::field67 {

constexpr unsigned prime = 67;
constexpr std::size_t word_bits = 64;
/// Bytes that the 64 values of one element take on the wire, 7 bits each.
constexpr std::size_t packed_element_bytes = 56;

/// Turns uniform bytes into uniform values below `bound` (2 to 128) without bias, by rejection: byte b gives
/// floor(b · bound / 256) unless b · bound mod 256 < 256 mod bound (Lemire, TOMACS 2019). Stops when `out` is full or
/// the bytes are used up.
struct Drawn {
  std::size_t values, bytes_used;
};
Drawn draw_below(std::span<const std::uint8_t> bytes, unsigned bound, std::span<std::uint8_t> out);

/// 7 bits of each byte, eight bytes to seven; in.size() is a multiple of 8 and out has 7/8 of it.
void pack(std::span<const std::uint8_t> in, std::span<std::uint8_t> out);
/// The inverse. Values of 67 to 127, which no honest party packs, come out as they are.
void unpack(std::span<const std::uint8_t> in, std::span<std::uint8_t> out);

/// Second shares of the words' bits: bit i of words[e] - first[i][e]. All spans of 64 · words.size().
void share_bits(std::span<const Word64> words, std::span<const std::uint8_t> first, std::span<std::uint8_t> second);

/// One server's share of what PrivateCompare (SecureNN, algorithm 3) shows, before its places are permuted:
/// d_i = s_i · c_i + z_i, with w_i = x_i ^ v_i and c_i = ±(v_i - x_i) + 1 + sum of w_k, k > i; + where beta is 0.
struct CompareLanes {
  std::span<const std::uint8_t> x;     ///< share of the bits, [64][n]
  std::span<const Word64> v;           ///< public to the servers, n
  std::span<const std::uint8_t> beta;  ///< 0 or 1, n
  std::span<const std::uint8_t> s, z;  ///< [64][n]
  bool constants;                      ///< this server adds the public constants
};
void compare_share(const CompareLanes& in, std::span<std::uint8_t> d);

/// Fisher-Yates, an own permutation for each element: for i = 63 to 1 swaps places i and places[i - 1][e] of element e;
/// places[i - 1][e] <= i, and d is [64][n].
void shuffle(std::span<const std::uint8_t> places, std::size_t n, std::span<std::uint8_t> d);

/// Whether any place of an element is zero: 0 or 1 each.
void any_zero(std::span<const std::uint8_t> d0, std::span<const std::uint8_t> d1, std::span<std::uint8_t> found);

}  // namespace blindsight::tensor::field67
