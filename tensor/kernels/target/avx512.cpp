#if defined(__x86_64__)
#include <immintrin.h>

#include "tensor/kernels/kernel_table.h"

namespace blindsight::tensor {
namespace {

// 12 × 2 sums of the 32 registers.
constexpr int vector_bytes = 64;
constexpr int tile_rows = 12;

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

// The words' low bytes in one register, their high bytes in another: a test of bytes gives a plane's whole word.
inline void bits_of_64_words(const std::uint16_t* in, unsigned bits, std::uint64_t* planes, std::size_t stride) {
  const __m512i first = _mm512_loadu_si512(in), second = _mm512_loadu_si512(in + 32);
  const auto join = [](__m256i low, __m256i high) { return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1); };
  const __m512i low = join(_mm512_cvtepi16_epi8(first), _mm512_cvtepi16_epi8(second));
  const __m512i high =
      join(_mm512_cvtepi16_epi8(_mm512_srli_epi16(first, 8)), _mm512_cvtepi16_epi8(_mm512_srli_epi16(second, 8)));
  for (unsigned bit = 0; bit < bits; ++bit)
    planes[bit * stride] =
        _mm512_test_epi8_mask(bit < 8 ? low : high, _mm512_set1_epi8(static_cast<char>(1u << bit % 8)));
}

#include "tensor/kernels/generic/conv.h"
#include "tensor/kernels/generic/conv_wide.h"
#include "tensor/kernels/generic/elements.h"
#include "tensor/kernels/generic/elementwise.h"
#include "tensor/kernels/generic/field67.h"
#include "tensor/kernels/generic/table.h"
#include "tensor/kernels/target/avx512_limbs.h"

}  // namespace

extern const KernelTable avx512_kernels = BLINDSIGHT_KERNEL_TABLE(multiply_widest);

}  // namespace blindsight::tensor
#endif
