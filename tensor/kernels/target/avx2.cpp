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
// The bytes of x under the mask's bytes of ones, side by side.
inline std::uint64_t gather_bytes(std::uint64_t x, std::uint64_t mask) {
  return _pext_u64(x, mask);
}

// The words' low bytes in one pair of registers, their high bytes in another; a mask of the bytes' top bits gives half
// a plane's word, and doubling the bytes brings the next bit up.
inline void bits_of_bytes(__m256i first, __m256i second, unsigned bits, std::uint64_t* planes, std::size_t stride) {
  for (unsigned bit = 8; bit-- > 0;) {
    if (bit < bits)
      planes[bit * stride] = static_cast<std::uint32_t>(_mm256_movemask_epi8(first)) |
                             std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(second))} << 32;
    first = _mm256_add_epi8(first, first);
    second = _mm256_add_epi8(second, second);
  }
}
inline void bits_of_64_words(const std::uint16_t* in, unsigned bits, std::uint64_t* planes, std::size_t stride) {
  __m256i x[4];
  for (int i = 0; i < 4; ++i) x[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + 16 * i));
  // Packing interleaves the halves of its two registers: the permutation puts them back in order.
  const auto join = [](__m256i a, __m256i b) { return _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xD8); };
  const auto low = [](__m256i a) { return _mm256_and_si256(a, _mm256_set1_epi16(255)); };
  const auto high = [](__m256i a) { return _mm256_srli_epi16(a, 8); };
  bits_of_bytes(join(low(x[0]), low(x[1])), join(low(x[2]), low(x[3])), bits, planes, stride);
  if (bits > 8)
    bits_of_bytes(join(high(x[0]), high(x[1])), join(high(x[2]), high(x[3])), bits - 8, planes + 8 * stride, stride);
}

#include "tensor/kernels/generic/conv.h"
#include "tensor/kernels/generic/conv_wide.h"
#include "tensor/kernels/generic/elements.h"
#include "tensor/kernels/generic/elementwise.h"
#include "tensor/kernels/generic/field67.h"
#include "tensor/kernels/generic/table.h"

}  // namespace

extern const KernelTable avx2_kernels = BLINDSIGHT_KERNEL_TABLE(multiply_wide);

}  // namespace blindsight::tensor
#endif
