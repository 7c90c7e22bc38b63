#if defined(__x86_64__)
#include <immintrin.h>

#include "tensor/kernels/kernel_table.h"

namespace blindsight::tensor {
namespace {

// 6 × 2 sums, two filter registers and two for the product: all sixteen registers.
constexpr int vector_bytes = 32;
constexpr int tile_rows = 6;

#include "tensor/kernels/generic/vectors.h"

template <unsigned width>
inline std::uint64_t squeeze(std::uint64_t x, unsigned bits) {
  return _pext_u64(x, value_mask<width>(bits));
}
template <unsigned width>
inline std::uint64_t spread(std::uint64_t x, unsigned bits) {
  return _pdep_u64(x, value_mask<width>(bits));
}

// The bit moves to the sign, signed saturation to bytes keeps the sign, and one byte mask takes 32 words.
inline void bits_of_64_words(const std::uint16_t* in, unsigned bits, std::uint64_t* planes, std::size_t stride) {
  __m256i x[4];
  for (int i = 0; i < 4; ++i) x[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + 16 * i));
  for (unsigned bit = 0; bit < bits; ++bit) {
    const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(15 - bit));
    std::uint64_t word = 0;
    for (int half = 0; half < 2; ++half) {
      const __m256i packed =
          _mm256_packs_epi16(_mm256_sll_epi16(x[2 * half], shift), _mm256_sll_epi16(x[2 * half + 1], shift));
      const auto mask = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_permute4x64_epi64(packed, 0xD8)));
      word |= std::uint64_t{mask} << 32 * half;
    }
    planes[bit * stride] = word;
  }
}

#include "tensor/kernels/generic/conv.h"
#include "tensor/kernels/generic/elements.h"

}  // namespace

extern const KernelTable avx2_kernels = BLINDSIGHT_KERNEL_TABLE;

}  // namespace blindsight::tensor
#endif
