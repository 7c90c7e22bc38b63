// The one vocabulary of the kernels: GCC vectors of `vector_bytes` bytes (set by the target that includes this text
// into its own unnamed namespace), loads and stores of any alignment. No include guard: each target takes its own copy.

#define BLINDSIGHT_INLINE inline __attribute__((always_inline))

template <class Word>
struct Lanes;
template <>
struct Lanes<std::uint16_t> {
  typedef std::uint16_t Vector __attribute__((vector_size(vector_bytes)));
};
template <>
struct Lanes<std::uint32_t> {
  typedef std::uint32_t Vector __attribute__((vector_size(vector_bytes)));
};
template <>
struct Lanes<std::uint64_t> {
  typedef std::uint64_t Vector __attribute__((vector_size(vector_bytes)));
};
template <class Word>
using Vector = typename Lanes<Word>::Vector;
template <class Word>
constexpr std::size_t lanes = vector_bytes / sizeof(Word);

// T is a vector or a word: one text walks whole registers and then, word by word, what is left.
template <class T>
BLINDSIGHT_INLINE T load(const void* p) {
  T x;
  __builtin_memcpy(&x, p, sizeof(T));
  return x;
}
template <class T>
BLINDSIGHT_INLINE void store(void* p, const T& x) {
  __builtin_memcpy(p, &x, sizeof(T));
}

// The word in every lane.
template <class T, class Word>
BLINDSIGHT_INLINE T splat(Word word) {
  return T{} + word;
}

// Calls body(T{}, index) over [begin, end): T = Vector<Word> while whole registers fit, then T = Word.
template <class Word, class Body>
BLINDSIGHT_INLINE void for_lanes(std::size_t begin, std::size_t end, const Body& body) {
  std::size_t i = begin;
  for (; i + lanes<Word> <= end; i += lanes<Word>) body(Vector<Word>{}, i);
  for (; i < end; ++i) body(Word{}, i);
}

// `bits` low bits of each of the 64 / width values that lie in one 64-bit word.
template <unsigned width>
constexpr std::uint64_t value_mask(unsigned bits) {
  std::uint64_t mask = 0;
  for (unsigned i = 0; i < 64 / width; ++i) mask |= (~std::uint64_t{0} >> (64 - bits)) << i * width;
  return mask;
}

// Side by side: the low `bits` bits of each `width`-bit value of x; and back.
template <unsigned width>
BLINDSIGHT_INLINE std::uint64_t squeeze_by_shifts(std::uint64_t x, unsigned bits) {
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - bits);
  std::uint64_t out = 0;
  for (unsigned i = 0; i < 64 / width; ++i) out |= (x >> i * width & mask) << i * bits;
  return out;
}
template <unsigned width>
BLINDSIGHT_INLINE std::uint64_t spread_by_shifts(std::uint64_t x, unsigned bits) {
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - bits);
  std::uint64_t out = 0;
  for (unsigned i = 0; i < 64 / width; ++i) out |= (x >> i * bits & mask) << i * width;
  return out;
}
