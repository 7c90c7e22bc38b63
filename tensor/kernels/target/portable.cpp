#include "tensor/kernels/kernel_table.h"

namespace blindsight::tensor {
namespace {

// Two registers of 16 bytes per row and four rows: what SSE2 and NEON hold without spilling.
constexpr int vector_bytes = 16;
constexpr int tile_rows = 4;

#include "tensor/kernels/generic/vectors.h"

// Bits of value i move from i · width to i · bits: `bits` of each of the values in one 64-bit word, side by side.
template <unsigned width>
inline std::uint64_t squeeze(std::uint64_t x, unsigned bits) {
  return squeeze_by_shifts<width>(x, bits);
}
template <unsigned width>
inline std::uint64_t spread(std::uint64_t x, unsigned bits) {
  return spread_by_shifts<width>(x, bits);
}
// The bytes of x under the mask's bytes of ones, side by side.
inline std::uint64_t gather_bytes(std::uint64_t x, std::uint64_t mask) {
  std::uint64_t out = 0;
  unsigned filled = 0;
  for (unsigned i = 0; i < 64; i += 8) {
    out |= (x >> i & mask >> i & 255) << filled;
    filled += static_cast<unsigned>(mask >> i & 8);
  }
  return out;
}

// Bit `bit` of 64 words. Four words per multiplication: word i's bit lands on bit 48 + i, and no other product carries
// into it.
inline void bits_of_64_words(const std::uint16_t* in, unsigned bits, std::uint64_t* planes, std::size_t stride) {
  for (unsigned bit = 0; bit < bits; ++bit) {
    std::uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 4) {
      const std::uint64_t four = load<std::uint64_t>(in + i);
      const std::uint64_t picked = (four >> bit & 0x0001000100010001) * 0x0001000200040008 >> 48 & 15;
      word |= picked << i;
    }
    planes[bit * stride] = word;
  }
}

#include "tensor/kernels/generic/conv.h"
#include "tensor/kernels/generic/conv_wide.h"
#include "tensor/kernels/generic/elements.h"
#include "tensor/kernels/generic/elementwise.h"
#include "tensor/kernels/generic/field67.h"
#include "tensor/kernels/generic/table.h"

}  // namespace

extern const KernelTable portable_kernels = BLINDSIGHT_KERNEL_TABLE(multiply_wide);

}  // namespace blindsight::tensor
