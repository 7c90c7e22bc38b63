// Products in Z_2^128, whose words no vector register multiplies: three 64-bit multiplications each, low·low in full
// and the low halves of the two cross products. Included by each target after vectors.h.

// One word of `a` against four lanes: their sums fill the general registers, and every other operand comes from memory.
template <std::size_t columns>
void multiply_wide_tile(const PanelProduct<Word128>& p, const Word128* a, const Word128* panel, Word128* c) {
  Word128 sums[columns] = {};
  const Word128* b = panel;
  for (std::size_t s = 0; s < p.segments; ++s) {
    const Word128* x = a + s * p.segment_stride;
    for (std::size_t k = 0; k < p.depth; ++k, ++x, b += panel_lanes<Word128>) {
#pragma GCC unroll 4
      for (std::size_t j = 0; j < columns; ++j) sums[j] += *x * b[j];
    }
  }
#pragma GCC unroll 4
  for (std::size_t j = 0; j < columns; ++j) c[j] = p.accumulate ? c[j] + sums[j] : sums[j];
}

inline void multiply_wide(const PanelProduct<Word128>& p) {
  for (std::size_t row = 0; row < p.rows; ++row) {
    const Word128* a = p.a + row * p.a_stride;
    Word128* c = p.c + row * p.c_stride;
    std::size_t j = 0;
    for (; j + 4 <= p.columns; j += 4) multiply_wide_tile<4>(p, a, p.panel + j, c + j);
    for (; j < p.columns; ++j) multiply_wide_tile<1>(p, a, p.panel + j, c + j);
  }
}

inline Word128 dot_wide(const Word128* a, const Word128* b, std::size_t n) {
  Word128 sums[2] = {};
  std::size_t i = 0;
  for (; i + 2 <= n; i += 2) {
    sums[0] += a[i] * b[i];
    sums[1] += a[i + 1] * b[i + 1];
  }
  if (i < n) sums[0] += a[i] * b[i];
  return sums[0] + sums[1];
}
