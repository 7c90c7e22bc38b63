// Z_67 in bytes; see field67.h for what each does. Lanes are elements, so that all but the shuffle are plain loops that
// the compiler vectorizes. Included by each target after elements.h.

// Both arguments below 67: the sum's residue is the smaller of s and s - 67 as unsigned bytes.
BLINDSIGHT_INLINE std::uint8_t once_less_67(std::uint8_t s) {
  const std::uint8_t less = static_cast<std::uint8_t>(s - 67);
  return less < s ? less : s;
}

inline std::size_t draw_below_of(const std::uint8_t* bytes, std::size_t available, unsigned bound, std::uint8_t* out,
                                 std::size_t count, std::size_t* used) {
  const unsigned rejected = 256 % bound;
  std::size_t at = 0, drawn = 0;
  // Eight bytes at a time: values and verdicts by lanes, then the accepted ones moved together.
  typedef std::uint16_t Wide __attribute__((vector_size(16)));
  typedef std::uint8_t Bytes __attribute__((vector_size(8)));
  while (at + 8 <= available && drawn + 8 <= count) {
    const Wide product = __builtin_convertvector(load<Bytes>(bytes + at), Wide) * static_cast<std::uint16_t>(bound);
    const Bytes value = __builtin_convertvector(product >> 8, Bytes);
    const Bytes accepted = __builtin_convertvector((product & 255) >= static_cast<std::uint16_t>(rejected), Bytes);
    const std::uint64_t mask = load<std::uint64_t>(&accepted);
    store(out + drawn, gather_bytes(load<std::uint64_t>(&value), mask));
    drawn += static_cast<std::size_t>(__builtin_popcountll(mask)) / 8;
    at += 8;
  }
  for (; at < available && drawn < count; ++at) {
    const unsigned product = bytes[at] * bound;
    out[drawn] = static_cast<std::uint8_t>(product >> 8);
    drawn += (product & 255) >= rejected;
  }
  *used = at;
  return drawn;
}

inline void pack67(const std::uint8_t* in, std::size_t eights, std::uint8_t* out) {
  if (eights == 0) return;
  // Each store but the last overlaps the next one by a byte.
  for (std::size_t i = 0; i + 1 < eights; ++i) store(out + 7 * i, squeeze<8>(load<std::uint64_t>(in + 8 * i), 7));
  const std::uint64_t last = squeeze<8>(load<std::uint64_t>(in + 8 * (eights - 1)), 7);
  __builtin_memcpy(out + 7 * (eights - 1), &last, 7);
}

inline void unpack67(const std::uint8_t* in, std::size_t eights, std::uint8_t* out) {
  if (eights == 0) return;
  for (std::size_t i = 0; i + 1 < eights; ++i) store(out + 8 * i, spread<8>(load<std::uint64_t>(in + 7 * i), 7));
  std::uint64_t last = 0;
  __builtin_memcpy(&last, in + 7 * (eights - 1), 7);
  store(out + 8 * (eights - 1), spread<8>(last, 7));
}

// One byte of each of n <= 64 words.
constexpr std::size_t field67_lanes = 64;
BLINDSIGHT_INLINE void byte_of_words(const std::uint64_t* words, std::size_t n, unsigned byte, std::uint8_t* out) {
  for (std::size_t e = 0; e < n; ++e) out[e] = static_cast<std::uint8_t>(words[e] >> 8 * byte);
}

inline void share_bits_of(const std::uint64_t* words, const std::uint8_t* first, std::size_t n, std::uint8_t* second) {
  std::uint8_t bytes[field67_lanes];
  for (std::size_t begin = 0; begin < n; begin += field67_lanes) {
    const std::size_t m = n - begin < field67_lanes ? n - begin : field67_lanes;
    for (unsigned i = 0; i < 64; ++i) {
      if (i % 8 == 0) byte_of_words(words + begin, m, i / 8, bytes);
      const std::uint8_t* a = first + i * n + begin;
      std::uint8_t* b = second + i * n + begin;
      for (std::size_t e = 0; e < m; ++e) {
        b[e] = once_less_67(static_cast<std::uint8_t>(67 + (bytes[e] & 1) - a[e]));
        bytes[e] = static_cast<std::uint8_t>(bytes[e] >> 1);
      }
    }
  }
}

inline void compare_share_of(const CompareBytes& in, std::size_t n, std::uint8_t* d) {
  const std::uint8_t j = in.constants ? 1 : 0;
  std::uint8_t bytes[field67_lanes], above[field67_lanes];
  for (std::size_t begin = 0; begin < n; begin += field67_lanes) {
    const std::size_t m = n - begin < field67_lanes ? n - begin : field67_lanes;
    const std::uint8_t* beta = in.beta + begin;
    for (std::size_t e = 0; e < m; ++e) above[e] = 0;
    for (unsigned i = 64; i-- > 0;) {
      if (i % 8 == 7) byte_of_words(in.v + begin, m, i / 8, bytes);
      const std::size_t row = i * n + begin;
      const std::uint8_t *xs = in.x + row, *s = in.s + row, *z = in.z + row;
      std::uint8_t* out = d + row;
      for (std::size_t e = 0; e < m; ++e) {
        const std::uint8_t x = xs[e], v = static_cast<std::uint8_t>(bytes[e] >> 7), jv = v & j;
        // x ^ v = x or 1 - x, of which the constant is one server's.
        const std::uint8_t w = v ? static_cast<std::uint8_t>(67 + j - x) : x;
        const std::uint8_t difference =
            beta[e] ? static_cast<std::uint8_t>(67 + x - jv) : static_cast<std::uint8_t>(67 + jv - x);
        const std::uint8_t c = static_cast<std::uint8_t>(difference + j + above[e]);  // at most 200
        const std::uint16_t t = static_cast<std::uint16_t>(c * s[e] + z[e]);          // at most 13266
        // floor(t / 67), exact below 2^16: 62603 · 67 = 2^22 + 97.
        const std::uint16_t q = static_cast<std::uint16_t>(static_cast<std::uint16_t>((t * 62603u) >> 16) >> 6);
        out[e] = static_cast<std::uint8_t>(t - 67 * q);
        above[e] = once_less_67(static_cast<std::uint8_t>(above[e] + once_less_67(w)));
        bytes[e] = static_cast<std::uint8_t>(bytes[e] << 1);
      }
    }
  }
}

inline void shuffle67(const std::uint8_t* places, std::size_t n, std::uint8_t* d) {
  // Element by element inside a row: neighbours lie in other columns, so no swap waits for the one before it.
  for (std::size_t i = 64; i-- > 1;) {
    const std::uint8_t* row = places + (i - 1) * n;
    std::uint8_t* here = d + i * n;
    for (std::size_t e = 0; e < n; ++e) {
      std::uint8_t* there = d + row[e] * n + e;
      const std::uint8_t x = here[e];
      here[e] = *there;
      *there = x;
    }
  }
}

inline void any_zero_of(const std::uint8_t* d0, const std::uint8_t* d1, std::size_t n, std::uint8_t* found) {
  for (std::size_t e = 0; e < n; ++e) found[e] = 0;
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t e = 0; e < n; ++e) {
      const std::uint8_t sum = static_cast<std::uint8_t>(d0[i * n + e] + d1[i * n + e]);
      found[e] = static_cast<std::uint8_t>(found[e] | (sum == 0) | (sum == 67));
    }
}
