// Included by avx512.cpp after conv_wide.h.

#define BLINDSIGHT_IFMA __attribute__((target("avx512ifma,avx512vbmi2")))

// Products in Z_2^128 by 52-bit limbs, x = x0 + x1 2^52 + x2 2^104: nine multiply-adds for eight lanes. They read the
// low 52 bits of each operand, so a limb needs no mask. Sums of limbs are folded into words before the middle one,
// which grows by less than 2^54 a step, wraps; of the highest only 24 bits count.
constexpr std::size_t limb_steps = 1024;

struct Limbs {
  __m512i x[3];
};
BLINDSIGHT_IFMA BLINDSIGHT_INLINE Limbs to_limbs(__m512i low, __m512i high) {
  return {low, _mm512_shrdi_epi64(low, high, 52), _mm512_srli_epi64(high, 40)};
}

// Adds the limbs' sums to the words, and begins new sums.
template <int rows>
BLINDSIGHT_INLINE void fold(__m512i (&sums)[rows][3], Word128 (&words)[rows][panel_lanes<Word128>]) {
  for (int r = 0; r < rows; ++r) {
    std::uint64_t limbs[3][panel_lanes<Word128>];
    for (int i = 0; i < 3; ++i) {
      _mm512_storeu_si512(limbs[i], sums[r][i]);
      sums[r][i] = _mm512_setzero_si512();
    }
    for (std::size_t j = 0; j < panel_lanes<Word128>; ++j)
      words[r][j] += limbs[0][j] + (Word128{limbs[1][j]} << 52) + (Word128{limbs[2][j]} << 104);
  }
}

template <int rows>
BLINDSIGHT_IFMA void multiply_limbs(const PanelProduct<Word128>& p, const Word128* a, const Word128* panel,
                                    Word128* c) {
  const __m512i evens = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14),
                odds = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  __m512i sums[rows][3] = {};
  Word128 words[rows][panel_lanes<Word128>] = {};
  std::size_t steps = 0;
  const Word128* b = panel;
  for (std::size_t s = 0; s < p.segments; ++s) {
    const Word128* x = a + s * p.segment_stride;
    for (std::size_t k = 0; k < p.depth; ++k, ++x, b += panel_lanes<Word128>) {
      const __m512i first = _mm512_loadu_si512(b), second = _mm512_loadu_si512(b + 4);
      const Limbs v =
          to_limbs(_mm512_permutex2var_epi64(first, evens, second), _mm512_permutex2var_epi64(first, odds, second));
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        const Word128 word = x[r * p.a_stride];
        const Limbs u = to_limbs(_mm512_set1_epi64(static_cast<long long>(word)),
                                 _mm512_set1_epi64(static_cast<long long>(word >> 64)));
        auto& [s0, s1, s2] = sums[r];
        s0 = _mm512_madd52lo_epu64(s0, u.x[0], v.x[0]);
        s1 = _mm512_madd52hi_epu64(s1, u.x[0], v.x[0]);
        s2 = _mm512_madd52lo_epu64(s2, u.x[0], v.x[2]);
        s1 = _mm512_madd52lo_epu64(s1, u.x[0], v.x[1]);
        s2 = _mm512_madd52hi_epu64(s2, u.x[0], v.x[1]);
        s1 = _mm512_madd52lo_epu64(s1, u.x[1], v.x[0]);
        s2 = _mm512_madd52hi_epu64(s2, u.x[1], v.x[0]);
        s2 = _mm512_madd52lo_epu64(s2, u.x[1], v.x[1]);
        s2 = _mm512_madd52lo_epu64(s2, u.x[2], v.x[0]);
      }
      if (++steps == limb_steps) {
        fold<rows>(sums, words);
        steps = 0;
      }
    }
  }
  fold<rows>(sums, words);
  for (int r = 0; r < rows; ++r)
    for (std::size_t j = 0; j < p.columns; ++j) {
      Word128& out = c[r * p.c_stride + j];
      out = p.accumulate ? out + words[r][j] : words[r][j];
    }
}

template <int rows>
void multiply_limbs_of(std::size_t count, const PanelProduct<Word128>& p, const Word128* a, const Word128* panel,
                       Word128* c) {
  if constexpr (rows > 0) {
    if (count == rows)
      multiply_limbs<rows>(p, a, panel, c);
    else
      multiply_limbs_of<rows - 1>(count, p, a, panel, c);
  }
}

void multiply_by_limbs(const PanelProduct<Word128>& p) {
  constexpr std::size_t most = 6;
  const std::size_t tiles = (p.rows + most - 1) / most;
  for (std::size_t t = 0, row = 0; t < tiles; ++t) {
    const std::size_t count = (p.rows - row + tiles - t - 1) / (tiles - t);
    multiply_limbs_of<most>(count, p, p.a + row * p.a_stride, p.panel, p.c + row * p.c_stride);
    row += count;
  }
}

// Not every CPU with the instructions of this target has IFMA.
void multiply_widest(const PanelProduct<Word128>& p) {
  if (p.columns > 4 && __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi2"))
    multiply_by_limbs(p);
  else
    multiply_wide(p);
}
