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

inline void bits_of_64_words(const std::uint16_t* in, unsigned bits, std::uint64_t* planes, std::size_t stride) {
  const __m512i low = _mm512_loadu_si512(in), high = _mm512_loadu_si512(in + 32);
  for (unsigned bit = 0; bit < bits; ++bit) {
    const __m512i picked = _mm512_set1_epi16(static_cast<short>(1u << bit));
    planes[bit * stride] =
        std::uint64_t{_mm512_test_epi16_mask(low, picked)} | std::uint64_t{_mm512_test_epi16_mask(high, picked)} << 32;
  }
}

#include "tensor/kernels/generic/conv.h"
#include "tensor/kernels/generic/elements.h"

}  // namespace

extern const KernelTable avx512_kernels = BLINDSIGHT_KERNEL_TABLE;

}  // namespace blindsight::tensor
#endif
