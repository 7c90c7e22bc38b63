// Packing, planes, selection, sums; see kernel_table.h, pack_bits.h and bit_planes.h for what each does. Included by
// each target after vectors.h and after its own squeeze, spread and bits_of_64_words.

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "the wire's bit stream is read and written as little-endian words");

// 64 values of `bits` bits are exactly `bits` 64-bit words: every group starts on a byte, and with `bits` known to the
// compiler all shifts are constants.
template <class Word>
BLINDSIGHT_INLINE void pack_group(const Word* in, unsigned bits, std::uint8_t* out) {
  constexpr unsigned width = sizeof(Word) * 8, values = 64 / width;
  const unsigned taken = values * bits;
  std::uint64_t word = 0;
  unsigned filled = 0;
#pragma GCC unroll 64
  for (unsigned i = 0; i < 64; i += values) {
    const std::uint64_t x = squeeze<width>(load<std::uint64_t>(in + i), bits);
    word |= x << filled;
    filled += taken;
    if (filled >= 64) {
      store(out, word);
      out += 8;
      filled -= 64;
      word = filled ? x >> (taken - filled) : 0;
    }
  }
}

template <class Word>
BLINDSIGHT_INLINE void unpack_group(const std::uint8_t* in, unsigned bits, Word* out) {
  constexpr unsigned width = sizeof(Word) * 8, values = 64 / width;
  const unsigned taken = values * bits;
  unsigned position = 0;
#pragma GCC unroll 64
  for (unsigned i = 0; i < 64; i += values) {
    const unsigned at = position / 64, shift = position % 64;
    std::uint64_t x = load<std::uint64_t>(in + 8 * at) >> shift;
    if (shift + taken > 64) x |= load<std::uint64_t>(in + 8 * (at + 1)) << (64 - shift);
    store(out + i, spread<width>(x, bits));
    position += taken;
  }
}

// What does not fill a group goes through one on the stack.
template <class Word, class Group>
BLINDSIGHT_INLINE void pack_groups(const Word* in, std::size_t n, unsigned bits, std::uint8_t* out,
                                   const Group& group) {
  for (; n >= 64; n -= 64, in += 64, out += 8 * bits) group(in, out);
  if (n == 0) return;
  Word values[64] = {};
  std::uint8_t bytes[64 * sizeof(Word)];
  __builtin_memcpy(values, in, n * sizeof(Word));
  group(values, bytes);
  __builtin_memcpy(out, bytes, (n * bits + 7) / 8);
}
template <class Word, class Group>
BLINDSIGHT_INLINE void unpack_groups(const std::uint8_t* in, std::size_t n, unsigned bits, Word* out,
                                     const Group& group) {
  for (; n >= 64; n -= 64, in += 8 * bits, out += 64) group(in, out);
  if (n == 0) return;
  Word values[64];
  std::uint8_t bytes[64 * sizeof(Word)] = {};
  __builtin_memcpy(bytes, in, (n * bits + 7) / 8);
  group(bytes, values);
  __builtin_memcpy(out, values, n * sizeof(Word));
}

template <class Word, unsigned bits>
void pack_width(const Word* in, std::size_t n, std::uint8_t* out) {
  pack_groups(in, n, bits, out, [](const Word* from, std::uint8_t* to) { pack_group(from, bits, to); });
}
template <class Word, unsigned bits>
void unpack_width(const std::uint8_t* in, std::size_t n, Word* out) {
  unpack_groups(in, n, bits, out, [](const std::uint8_t* from, Word* to) { unpack_group(from, bits, to); });
}

// Calls the width's own function: widths from `bits` down to 1 are tried by halves.
template <class Word, unsigned low, unsigned high>
void pack_between(const Word* in, std::size_t n, unsigned bits, std::uint8_t* out) {
  if constexpr (low == high)
    pack_width<Word, low>(in, n, out);
  else if (bits <= (low + high) / 2)
    pack_between<Word, low, (low + high) / 2>(in, n, bits, out);
  else
    pack_between<Word, (low + high) / 2 + 1, high>(in, n, bits, out);
}
template <class Word, unsigned low, unsigned high>
void unpack_between(const std::uint8_t* in, std::size_t n, unsigned bits, Word* out) {
  if constexpr (low == high)
    unpack_width<Word, low>(in, n, out);
  else if (bits <= (low + high) / 2)
    unpack_between<Word, low, (low + high) / 2>(in, n, bits, out);
  else
    unpack_between<Word, (low + high) / 2 + 1, high>(in, n, bits, out);
}

// Words of 64 bits are rare on the wire: one text for all widths.
inline void pack_any(const std::uint64_t* in, std::size_t n, unsigned bits, std::uint8_t* out) {
  pack_groups(in, n, bits, out, [bits](const std::uint64_t* from, std::uint8_t* to) { pack_group(from, bits, to); });
}
inline void unpack_any(const std::uint8_t* in, std::size_t n, unsigned bits, std::uint64_t* out) {
  unpack_groups(in, n, bits, out,
                [bits](const std::uint8_t* from, std::uint64_t* to) { unpack_group(from, bits, to); });
}

inline void to_planes_of(const std::uint16_t* in, std::size_t n, unsigned bits, std::size_t plane_words,
                         std::uint64_t* planes) {
  std::size_t word = 0;
  for (; (word + 1) * 64 <= n; ++word) bits_of_64_words(in + word * 64, bits, planes + word, plane_words);
  if (word * 64 < n) {
    std::uint16_t tail[64] = {};
    __builtin_memcpy(tail, in + word * 64, (n - word * 64) * sizeof(std::uint16_t));
    bits_of_64_words(tail, bits, planes + word, plane_words);
    ++word;
  }
  for (unsigned bit = 0; bit < bits; ++bit)
    for (std::size_t i = word; i < plane_words; ++i) planes[bit * plane_words + i] = 0;
}

template <class Word>
void select(const std::uint64_t* plane, const Word* ones, const Word* zeros, std::size_t n, Word* out) {
  // At most 16 lanes, so that one lane of the word holds the bits of them all.
  constexpr std::size_t count = lanes<Word> < 16 ? lanes<Word> : 16;
  typedef Word V __attribute__((vector_size(count * sizeof(Word))));
  V lane_bit;
  for (std::size_t j = 0; j < count; ++j) lane_bit[j] = static_cast<Word>(Word{1} << j);
  std::size_t i = 0;
  for (; i + count <= n; i += count) {
    const V bits = splat<V>(static_cast<Word>(plane[i / 64] >> i % 64));
    store(out + i, (bits & lane_bit) != 0 ? load<V>(ones + i) : load<V>(zeros + i));
  }
  for (; i < n; ++i) out[i] = plane[i / 64] >> i % 64 & 1 ? ones[i] : zeros[i];
}

template <class Word>
void add(const Word* in, std::size_t n, Word* sum) {
  for_lanes<Word>(0, n, [&](auto kind, std::size_t i) {
    using T = decltype(kind);
    store(sum + i, static_cast<T>(load<T>(sum + i) + load<T>(in + i)));
  });
}

// XOR over sets T of bits at and above `bit` of m[set + T] · AND of n_j over those j not in T.
template <unsigned bit, unsigned bits, unsigned set, class T>
BLINDSIGHT_INLINE T match(const T* m, const T* n) {
  if constexpr (bit == bits)
    return m[set];
  else
    return match<bit + 1, bits, (set | 1u << bit)>(m, n) ^ (n[bit] & match<bit + 1, bits, set>(m, n));
}
template <unsigned bit, unsigned bits, class T>
BLINDSIGHT_INLINE T below(const T* m, const T* n) {
  const T here = n[bit] & match<bit + 1, bits, (1u << bit)>(m, n);
  if constexpr (bit + 1 == bits)
    return here;
  else
    return here ^ below<bit + 1, bits>(m, n);
}

template <unsigned bits>
void compare_digit_of(const std::uint64_t* c, const std::uint64_t* monomials, bool constant, std::size_t words,
                      std::uint64_t* less, std::uint64_t* equal) {
  for_lanes<std::uint64_t>(0, words, [&](auto kind, std::size_t i) {
    using T = decltype(kind);
    T n[bits], m[1u << bits];
    for (unsigned j = 0; j < bits; ++j) n[j] = ~load<T>(c + j * words + i);
    m[0] = splat<T>(constant ? ~std::uint64_t{0} : std::uint64_t{0});
    for (unsigned s = 1; s < 1u << bits; ++s) m[s] = load<T>(monomials + (s - 1) * words + i);
    store(less + i, below<0, bits>(m, n));
    store(equal + i, match<0, bits, 0>(m, n));
  });
}

inline void compare_digit_any(const std::uint64_t* c, const std::uint64_t* monomials, unsigned bits, bool constant,
                              std::size_t words, std::uint64_t* less, std::uint64_t* equal) {
  switch (bits) {
    case 1:
      return compare_digit_of<1>(c, monomials, constant, words, less, equal);
    case 2:
      return compare_digit_of<2>(c, monomials, constant, words, less, equal);
    case 3:
      return compare_digit_of<3>(c, monomials, constant, words, less, equal);
    default:
      return compare_digit_of<4>(c, monomials, constant, words, less, equal);
  }
}

inline void monomials_of(const std::uint64_t* r, unsigned bits, std::size_t words, std::uint64_t* out) {
  for_lanes<std::uint64_t>(0, words, [&](auto kind, std::size_t i) {
    using T = decltype(kind);
    for (unsigned j = 0; j < bits; ++j) {
      // Sets that have bit j on top: that bit alone, and it times every set of lower bits.
      const T x = load<T>(r + j * words + i);
      std::uint64_t* top = out + ((std::size_t{1} << j) - 1) * words + i;
      store(top, x);
      for (std::size_t s = 1; s < std::size_t{1} << j; ++s)
        store(top + s * words, static_cast<T>(x & load<T>(out + (s - 1) * words + i)));
    }
  });
}
