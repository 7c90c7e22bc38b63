// Element by element; see elementwise.h for what each does. Plain loops: what is there to vectorize, the compiler sees.

template <class Word>
void cut(Word* x, std::size_t n, unsigned bits) {
  const Word mask = static_cast<Word>(static_cast<Word>(~Word{0}) >> (sizeof(Word) * 8 - bits));
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<Word>(x[i] & mask);
}

template <class Word>
void add_cut(const Word* a, const Word* b, std::size_t n, unsigned bits, Word* out) {
  const Word mask = static_cast<Word>(static_cast<Word>(~Word{0}) >> (sizeof(Word) * 8 - bits));
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Word>((a[i] + b[i]) & mask);
}

template <class Word>
void subtract_cut(const Word* a, const Word* b, std::size_t n, unsigned bits, Word* out) {
  const Word mask = static_cast<Word>(static_cast<Word>(~Word{0}) >> (sizeof(Word) * 8 - bits));
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Word>((a[i] - b[i]) & mask);
}

inline void shift_down_of(const std::uint32_t* x, std::size_t n, unsigned ring, unsigned shift, bool up,
                          std::uint16_t* out) {
  const std::uint32_t mask = ~std::uint32_t{0} >> (32 - ring), kept = mask >> shift;
  if (up)
    for (std::size_t i = 0; i < n; ++i)
      out[i] = static_cast<std::uint16_t>((0u - (((0u - x[i]) & mask) >> shift)) & kept);
  else
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint16_t>((x[i] & mask) >> shift);
}

// The bits of a plane from element i on (a multiple of 16) as 16 lanes of ones or zeros.
template <class Word>
struct SixteenLanes {
  typedef Word V __attribute__((vector_size(16 * sizeof(Word))));
};
template <class Word>
BLINDSIGHT_INLINE typename SixteenLanes<Word>::V spread_bits(const std::uint64_t* plane, std::size_t i) {
  using V = typename SixteenLanes<Word>::V;
  V lane_bit;
  for (std::size_t j = 0; j < 16; ++j) lane_bit[j] = static_cast<Word>(Word{1} << j);
  const V bits = splat<V>(static_cast<Word>(plane[i / 64] >> i % 64 & 0xffff));
  return reinterpret_cast<V>((bits & lane_bit) != 0);
}

// Calls body(i, count): 16 elements at a time, and what is left.
template <class Body>
BLINDSIGHT_INLINE void by_sixteens(std::size_t n, const Body& body) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) body(i, std::size_t{16});
  if (i < n) body(i, n - i);
}
template <class V, class Word>
BLINDSIGHT_INLINE V load_some(const Word* p, std::size_t count) {
  if (count == 16) return load<V>(p);
  V x{};
  for (std::size_t j = 0; j < count; ++j) x[j] = p[j];
  return x;
}
template <class V, class Word>
BLINDSIGHT_INLINE void store_some(Word* p, const V& x, std::size_t count) {
  if (count == 16)
    store(p, x);
  else
    for (std::size_t j = 0; j < count; ++j) p[j] = x[j];
}

template <bool extended>
void multiplex_as(const MultiplexWords& in, std::size_t n, std::uint16_t* out) {
  using V = SixteenLanes<std::uint16_t>::V;
  const std::uint16_t with_c = in.with_c ? 0xffff : 0;
  by_sixteens(n, [&](std::size_t i, std::size_t count) {
    const auto at = [&](const std::uint16_t* p) { return load_some<V>(p + i, count); };
    const V c = at(in.c);
    V bx = c * at(in.b) - at(in.br);
    V x = (c & with_c) - at(in.r);
    if constexpr (extended) {
      const V not_top = ~(c >> (in.width - 1)) & 1;
      bx += (not_top * at(in.high_br)) << in.width;
      x += (at(in.high_carry) + not_top * at(in.high_r)) << in.width;
    }
    const V d = spread_bits<std::uint16_t>(in.d, i);
    store_some(out + i, static_cast<V>((d & (x - bx)) | (~d & bx)), count);
  });
}

inline void multiplex_of(const MultiplexWords& in, std::size_t n, std::uint16_t* out) {
  if (in.high_carry)
    multiplex_as<true>(in, n, out);
  else
    multiplex_as<false>(in, n, out);
}

inline void remove_wraps_of(const WrapWords& in, std::size_t n, std::uint32_t* out) {
  using V16 = SixteenLanes<std::uint16_t>::V;
  using V = SixteenLanes<std::uint32_t>::V;
  const std::uint32_t low = ~std::uint32_t{0} >> (32 - in.from), mask = ~std::uint32_t{0} >> (32 - in.to);
  const std::uint32_t with_ab = in.with_ab ? 1 : 0;
  by_sixteens(n, [&](std::size_t i, std::size_t count) {
    // Bits as 0 or all ones; (v ^ s) - s negates v where s is all ones.
    const V a = spread_bits<std::uint32_t>(in.a, i), b = spread_bits<std::uint32_t>(in.b, i);
    const V m = spread_bits<std::uint32_t>(in.m, i), ab = a ^ b;
    V product = (load_some<V>(in.p + i, count) ^ ab) - ab;
    product += (((b & m) & 1) ^ a) - a;
    product += a & b & with_ab;
    const V wrap = ((a ^ m) & 1) - product;
    const V y = __builtin_convertvector(load_some<V16>(in.y + i, count), V);
    store_some(out + i, static_cast<V>(((y & low) - (wrap << in.from)) & mask), count);
  });
}
