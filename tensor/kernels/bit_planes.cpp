#include "tensor/kernels/bit_planes.h"

#include <algorithm>
#include <cstring>

#include "tensor/kernels/check.h"
#include "tensor/kernels/kernel_table.h"
#include "tensor/kernels/pack_bits.h"

namespace blindsight::tensor {
namespace {

void check_digit(const char* what, unsigned bits) {
  check(bits >= 1 && bits <= 4, what, "a digit has 1 to 4 bits");
}

}  // namespace

void to_planes(std::span<const Word16> in, unsigned bits, std::span<Word64> planes) {
  check(bits <= 16, "to_planes", "a word has 16 bits");
  check(planes.size() == bits * plane_words(in.size()), "to_planes", "planes must have bits * plane_words(n) words");
  kernels().to_planes(in.data(), in.size(), bits, plane_words(in.size()), planes.data());
}

void pack_plane(std::span<const Word64> plane, std::size_t n, std::span<std::uint8_t> out) {
  check(plane.size() * 64 >= n && out.size() == packed_bytes(n, 1), "pack_plane",
        "n bits need n / 64 words and n / 8 bytes");
  if (n == 0) return;
  std::memcpy(out.data(), plane.data(), out.size());
  if (n % 8) out.back() &= low_mask<std::uint8_t>(n % 8);
}

void unpack_plane(std::span<const std::uint8_t> in, std::size_t n, std::span<Word64> plane) {
  const std::size_t bytes = packed_bytes(n, 1);
  check(plane.size() == plane_words(n) && in.size() >= bytes, "unpack_plane",
        "n bits need plane_words(n) words and n / 8 bytes");
  if (n == 0) return;
  std::fill(plane.begin() + static_cast<std::ptrdiff_t>(n / 64), plane.end(), Word64{0});
  std::memcpy(plane.data(), in.data(), bytes);
  if (n % 64) plane[n / 64] &= low_mask<Word64>(n % 64);
}

template <class Word>
void select_by_plane(std::span<const Word64> plane, std::span<const Word> ones, std::span<const Word> zeros,
                     std::span<Word> out) {
  check(ones.size() == out.size() && zeros.size() == out.size() && plane.size() * 64 >= out.size(), "select_by_plane",
        "ones, zeros and out need one length and the plane a bit for each");
  if constexpr (sizeof(Word) == 2)
    kernels().select16.select(plane.data(), ones.data(), zeros.data(), out.size(), out.data());
  else
    kernels().select32.select(plane.data(), ones.data(), zeros.data(), out.size(), out.data());
}

template void select_by_plane<Word16>(std::span<const Word64>, std::span<const Word16>, std::span<const Word16>,
                                      std::span<Word16>);
template void select_by_plane<Word32>(std::span<const Word64>, std::span<const Word32>, std::span<const Word32>,
                                      std::span<Word32>);

void compare_digit(const Word64* c, const Word64* monomials, unsigned bits, bool constant, std::size_t words,
                   Word64* less, Word64* equal) {
  check_digit("compare_digit", bits);
  kernels().compare_digit(c, monomials, bits, constant, words, less, equal);
}

void monomials(const Word64* r, unsigned bits, std::size_t words, Word64* out) {
  check_digit("monomials", bits);
  kernels().monomials(r, bits, words, out);
}

}  // namespace blindsight::tensor
