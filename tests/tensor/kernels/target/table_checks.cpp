#include "tests/tensor/kernels/target/table_checks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>

#include "tensor/kernels/bit_planes.h"
#include "tensor/kernels/naive/naive.h"
#include "tensor/kernels/pack_bits.h"
#include "tests/tensor/random_words.h"

namespace blindsight::tensor::testing {
namespace {

constexpr std::size_t lengths[] = {0, 1, 7, 16, 63, 64, 65, 130, 257};

/// n words for a kernel to write, and some more that it must leave alone.
template <class Word>
class Guarded {
 public:
  explicit Guarded(std::size_t n) : n_(n), words_(n + behind, mark) {}
  Word* data() { return words_.data(); }
  bool intact() const {
    return std::all_of(words_.begin() + static_cast<std::ptrdiff_t>(n_), words_.end(),
                       [](Word w) { return w == mark; });
  }
  /// What was written. Fails when more was.
  std::vector<Word> written() const {
    CHECK(intact());
    return {words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(n_)};
  }

 private:
  static constexpr std::size_t behind = 64;
  static constexpr auto mark = static_cast<Word>(0x5A);
  std::size_t n_;
  std::vector<Word> words_;
};

template <class Word>
void check_packing(const ElementKernels<Word>& kernels) {
  for (const std::size_t n : lengths)
    for (unsigned bits = 1; bits <= 8 * sizeof(Word); ++bits) {
      CAPTURE(n);
      CAPTURE(bits);
      const auto words = random_words<Word>(n, bits);
      std::vector<std::uint8_t> bytes(packed_bytes(n, bits));
      naive::pack_bits<Word>(words, bits, bytes);
      Guarded<std::uint8_t> packed(bytes.size());
      kernels.pack(words.data(), n, bits, packed.data());
      REQUIRE(packed.written() == bytes);
      std::vector<Word> back(n);
      naive::unpack_bits<Word>(bytes, bits, back);
      Guarded<Word> unpacked(n);
      kernels.unpack(bytes.data(), n, bits, unpacked.data());
      REQUIRE(unpacked.written() == back);
    }
}

template <class Word>
void check_selection(const SelectKernels<Word>& kernels) {
  for (const std::size_t n : lengths) {
    CAPTURE(n);
    const auto ones = random_words<Word>(n, 1), zeros = random_words<Word>(n, 2);
    const auto plane = random_words<Word64>(plane_words(n), 3);
    std::vector<Word> chosen(n), sum(n);
    for (std::size_t i = 0; i < n; ++i) {
      chosen[i] = naive::plane_bit(plane, i) ? ones[i] : zeros[i];
      sum[i] = static_cast<Word>(ones[i] + zeros[i]);
    }
    Guarded<Word> selected(n), added(n);
    kernels.select(plane.data(), ones.data(), zeros.data(), n, selected.data());
    CHECK(selected.written() == chosen);
    std::copy(ones.begin(), ones.end(), added.data());
    kernels.add(zeros.data(), n, added.data());
    CHECK(added.written() == sum);
  }
}

template <class Word>
void check_ring(const RingKernels<Word>& kernels) {
  for (const std::size_t n : lengths)
    for (unsigned bits = 1; bits <= 8 * sizeof(Word); ++bits) {
      CAPTURE(n);
      CAPTURE(bits);
      const Word mask = low_mask<Word>(bits);
      const auto a = random_words<Word>(n, bits), b = random_words<Word>(n, bits + 100);
      std::vector<Word> sums(n), differences(n), low(n);
      for (std::size_t i = 0; i < n; ++i) {
        sums[i] = static_cast<Word>((a[i] + b[i]) & mask);
        differences[i] = static_cast<Word>((a[i] - b[i]) & mask);
        low[i] = a[i] & mask;
      }
      Guarded<Word> sum(n), difference(n), kept(n);
      kernels.add(a.data(), b.data(), n, bits, sum.data());
      kernels.subtract(a.data(), b.data(), n, bits, difference.data());
      std::copy(a.begin(), a.end(), kept.data());
      kernels.cut(kept.data(), n, bits);
      REQUIRE(sum.written() == sums);
      REQUIRE(difference.written() == differences);
      REQUIRE(kept.written() == low);
    }
}

void check_planes(const KernelTable& table) {
  for (const std::size_t n : lengths)
    for (const unsigned bits : {1u, 7u, 8u, 9u, 16u}) {
      CAPTURE(n);
      CAPTURE(bits);
      const auto words = random_words<Word16>(n, bits);
      std::vector<Word64> expected(bits * plane_words(n));
      naive::to_planes(words, bits, expected);
      Guarded<Word64> planes(expected.size());
      table.to_planes(words.data(), n, bits, plane_words(n), planes.data());
      REQUIRE(planes.written() == expected);
    }
}

/// Digits' planes from their values.
std::vector<Word64> planes_of(std::span<const unsigned> values, unsigned bits) {
  const std::size_t words = values.size() / 64;
  std::vector<Word64> planes(bits * words);
  for (std::size_t i = 0; i < values.size(); ++i)
    for (unsigned j = 0; j < bits; ++j) planes[j * words + i / 64] |= Word64{values[i] >> j & 1} << i % 64;
  return planes;
}

void check_comparison(const KernelTable& table) {
  for (const std::size_t words : {1, 3, 8, 17})
    for (unsigned bits = 1; bits <= 4; ++bits) {
      CAPTURE(words);
      CAPTURE(bits);
      const std::size_t n = 64 * words, sets = (1u << bits) - 1;
      const auto drawn = random_words<Word32>(2 * n, bits);
      std::vector<unsigned> c(n), r(n);
      for (std::size_t i = 0; i < n; ++i) c[i] = drawn[i] & sets, r[i] = drawn[n + i] & sets;
      Guarded<Word64> products(sets * words);
      table.monomials(planes_of(r, bits).data(), bits, words, products.data());
      const auto share = random_words<Word64>(sets * words, 7);
      auto other = products.written();
      for (std::size_t i = 0; i < other.size(); ++i) other[i] ^= share[i];

      const auto open = planes_of(c, bits);
      std::array<Guarded<Word64>, 2> less{Guarded<Word64>(words), Guarded<Word64>(words)}, equal = less;
      table.compare_digit(open.data(), share.data(), bits, true, words, less[0].data(), equal[0].data());
      table.compare_digit(open.data(), other.data(), bits, false, words, less[1].data(), equal[1].data());
      const auto expected_less = std::make_unique<bool[]>(n), expected_equal = std::make_unique<bool[]>(n);
      naive::compare_digit(c, r, {expected_less.get(), n}, {expected_equal.get(), n});
      const auto less0 = less[0].written(), less1 = less[1].written(), equal0 = equal[0].written(),
                 equal1 = equal[1].written();
      for (std::size_t i = 0; i < n; ++i) {
        REQUIRE((naive::plane_bit(less0, i) != naive::plane_bit(less1, i)) == expected_less[i]);
        REQUIRE((naive::plane_bit(equal0, i) != naive::plane_bit(equal1, i)) == expected_equal[i]);
      }
    }
}

void check_shift(const KernelTable& table) {
  for (const std::size_t n : lengths)
    for (const auto& [ring, shift] : {std::pair{24u, 12u}, {16u, 0u}, {32u, 16u}, {13u, 12u}})
      for (const bool up : {false, true}) {
        CAPTURE(n);
        CAPTURE(up);
        const auto x = random_words<Word32>(n, ring);
        std::vector<Word16> expected(n);
        for (std::size_t i = 0; i < n; ++i) {
          const Word32 in_ring = (up ? 0 - x[i] : x[i]) & low_mask<Word32>(ring), down = in_ring >> shift;
          expected[i] = static_cast<Word16>((up ? 0 - down : down) & low_mask<Word32>(ring - shift));
        }
        Guarded<Word16> out(n);
        table.shift_down(x.data(), n, ring, shift, up, out.data());
        REQUIRE(out.written() == expected);
      }
}

template <class Word>
void check_products(const ProductKernels<Word>& kernels) {
  constexpr std::size_t segments = 2, depth = 5, a_stride = 3, segment_stride = 40, lanes = panel_lanes<Word>;
  for (const std::size_t rows : {1, 4, 5, 13, 25})
    for (const std::size_t columns : {std::size_t{1}, std::size_t{3}, lanes - 1, lanes})
      for (const bool accumulate : {false, true}) {
        CAPTURE(rows);
        CAPTURE(columns);
        CAPTURE(accumulate);
        const std::size_t c_stride = columns + 3;
        const auto a = random_words<Word>((rows - 1) * a_stride + segment_stride + depth, 1);
        const auto drawn = random_words<Word>(segments * depth * lanes, 2);
        const Buffer<Word> panel(drawn.begin(), drawn.end());
        const auto before = random_words<Word>(rows * c_stride, 3);
        auto expected = before, got = before;
        for (std::size_t r = 0; r < rows; ++r)
          for (std::size_t j = 0; j < columns; ++j) {
            Word sum = accumulate ? before[r * c_stride + j] : Word{0};
            for (std::size_t s = 0; s < segments; ++s)
              for (std::size_t k = 0; k < depth; ++k)
                sum += a[r * a_stride + s * segment_stride + k] * panel[(s * depth + k) * lanes + j];
            expected[r * c_stride + j] = sum;
          }
        kernels.multiply({a.data(), a_stride, segments, segment_stride, depth, panel.data(), got.data(), c_stride, rows,
                          columns, accumulate});
        REQUIRE(got == expected);
      }
  for (const std::size_t n : lengths) {
    CAPTURE(n);
    const auto a = random_words<Word>(n, 4), b = random_words<Word>(n, 5);
    Word sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
    CHECK(kernels.dot(a.data(), b.data(), n) == sum);
  }
}

/// The three transforms around a plain product of each position: a padded map whose tiles do not fill it.
template <class Word>
void check_winograd(const WinogradKernels<Word>& kernels, std::size_t outputs, unsigned spent_bits) {
  const std::size_t points = outputs + 2, places = points * points;
  const ConvShape shape{{7, 6, 5}, panel_lanes<Word> - 3, {3, 3, 1, 1, 1, 1, 1, 1}};
  const Shape out = shape.out();
  const std::size_t channels = shape.in.channels, lanes = panel_lanes<Word>;
  const std::size_t tiles_x = (out.width + outputs - 1) / outputs,
                    tiles = tiles_x * ((out.height + outputs - 1) / outputs);
  const auto in = random_words<Word>(shape.in.elements(), 1), filter = random_words<Word>(shape.filter_elements(), 2),
             before = random_words<Word>(out.elements(), 3);
  std::vector<Word> expected(out.elements());
  naive::convolve<Word>(shape, filter, in, expected);

  Guarded<Word> u(places * channels * lanes), v(places * tiles * channels);
  kernels.transform_filter({filter.data(), channels, shape.out_channels, 0, u.data(), channels * lanes});
  const auto prepared = u.written();
  const std::vector<Word> zeros(channels);
  WinogradTiles<Word> w{};
  w.in = in.data();
  w.in_row = w.in_column = -1;
  w.in_rows = shape.in.height;
  w.in_width = shape.in.width;
  w.in_channels = channels;
  w.tiles_x = tiles_x;
  w.tile_end = tiles;
  w.zeros = zeros.data();
  w.v = v.data();
  w.v_stride = channels;
  w.v_position_stride = tiles * channels;
  kernels.transform_input(w);
  const auto transformed = v.written();
  std::vector<Word> m(places * tiles * shape.out_channels);
  for (std::size_t place = 0; place < places; ++place)
    for (std::size_t tile = 0; tile < tiles; ++tile)
      for (std::size_t j = 0; j < shape.out_channels; ++j)
        for (std::size_t i = 0; i < channels; ++i)
          m[(place * tiles + tile) * shape.out_channels + j] +=
              transformed[(place * tiles + tile) * channels + i] * prepared[(place * channels + i) * lanes + j];
  w.m = m.data();
  w.m_stride = shape.out_channels;
  w.m_position_stride = tiles * shape.out_channels;
  w.out_rows = out.height;
  w.out_width = out.width;
  w.out_channels = w.channel_end = shape.out_channels;
  for (const bool accumulate : {false, true}) {
    CAPTURE(accumulate);
    Guarded<Word> result(before.size());
    std::copy(before.begin(), before.end(), result.data());
    w.out = result.data();
    w.accumulate = accumulate;
    kernels.transform_output(w);
    const auto got = result.written();
    const Word mask = low_mask<Word>(8 * sizeof(Word) - spent_bits);
    for (std::size_t i = 0; i < got.size(); ++i)
      REQUIRE(got[i] == static_cast<Word>((expected[i] & mask) + (accumulate ? before[i] : Word{0})));
  }
}

template <class Word>
void check_convolution(const ConvKernels<Word>& kernels) {
  check_products<Word>(kernels);
  check_winograd<Word>(kernels.winograd2, 2, 2);
  check_winograd<Word>(kernels.winograd4, 4, 6);
}

/// Runs the same call of both tables; `call` returns what was written.
template <class Call>
void same(const KernelTable& a, const KernelTable& b, const char* what, const Call& call) {
  CAPTURE(what);
  REQUIRE(call(a) == call(b));
}

std::vector<std::uint8_t> bytes_below(unsigned bound, std::size_t n, unsigned seed) {
  std::vector<std::uint8_t> bytes(n);
  const auto drawn = random_words<Word16>(n, seed);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::uint8_t>(drawn[i] % bound);
  return bytes;
}

void check_same_elementwise(const KernelTable& a, const KernelTable& b, std::size_t n) {
  std::array<std::vector<Word16>, 7> words;
  for (unsigned i = 0; i < words.size(); ++i) words[i] = random_words<Word16>(n, i);
  std::array<std::vector<Word64>, 3> planes;
  for (unsigned i = 0; i < planes.size(); ++i) planes[i] = random_words<Word64>(plane_words(n), i);
  const auto products = random_words<Word32>(n, 9);
  for (const bool flag : {false, true}) {
    for (const bool high : {false, true})
      same(a, b, "multiplex", [&](const KernelTable& t) {
        Guarded<Word16> out(n);
        const auto extension = [&](std::size_t i) { return high ? words[i].data() : nullptr; };
        t.multiplex({planes[0].data(), words[0].data(), words[1].data(), words[2].data(), words[3].data(), extension(4),
                     extension(5), extension(6), 11, flag},
                    n, out.data());
        return out.written();
      });
    same(a, b, "remove_wraps", [&](const KernelTable& t) {
      Guarded<Word32> out(n);
      t.remove_wraps(
          {words[0].data(), planes[0].data(), planes[1].data(), planes[2].data(), products.data(), 12, 25, flag}, n,
          out.data());
      return out.written();
    });
  }
}

void check_same_field67(const KernelTable& a, const KernelTable& b, std::size_t n) {
  const auto random = bytes_below(256, 64 * n, 1), values = bytes_below(67, 64 * n, 2),
             more = bytes_below(67, 64 * n, 3), sevens = bytes_below(128, 64 * n, 4), flips = bytes_below(2, n, 5);
  const auto words = random_words<Word64>(n, 6);
  auto places = bytes_below(1, 63 * n, 7);
  for (unsigned i = 1; i < 64; ++i) {
    const auto row = bytes_below(i + 1, n, i);
    std::copy(row.begin(), row.end(), places.begin() + static_cast<std::ptrdiff_t>((i - 1) * n));
  }
  same(a, b, "draw_below", [&](const KernelTable& t) {
    Guarded<std::uint8_t> out(40 * n);
    std::size_t used = 0;
    const std::size_t drawn = t.field67.draw_below(random.data(), random.size(), 67, out.data(), 40 * n, &used);
    auto all = out.written();
    all.resize(drawn);
    return std::pair(all, used);
  });
  same(a, b, "pack", [&](const KernelTable& t) {
    Guarded<std::uint8_t> out(56 * n);
    t.field67.pack(sevens.data(), 8 * n, out.data());
    return out.written();
  });
  same(a, b, "unpack", [&](const KernelTable& t) {
    Guarded<std::uint8_t> out(64 * n);
    t.field67.unpack(random.data(), 8 * n, out.data());
    return out.written();
  });
  same(a, b, "share_bits", [&](const KernelTable& t) {
    Guarded<std::uint8_t> out(64 * n);
    t.field67.share_bits(words.data(), values.data(), n, out.data());
    return out.written();
  });
  for (const bool constants : {false, true})
    same(a, b, "compare_share", [&](const KernelTable& t) {
      Guarded<std::uint8_t> out(64 * n);
      t.field67.compare_share({values.data(), words.data(), flips.data(), more.data(), values.data(), constants}, n,
                              out.data());
      return out.written();
    });
  same(a, b, "shuffle", [&](const KernelTable& t) {
    Guarded<std::uint8_t> out(64 * n);
    std::copy(values.begin(), values.end(), out.data());
    t.field67.shuffle(places.data(), n, out.data());
    return out.written();
  });
  same(a, b, "any_zero", [&](const KernelTable& t) {
    Guarded<std::uint8_t> out(n);
    t.field67.any_zero(values.data(), more.data(), n, out.data());
    return out.written();
  });
}

}  // namespace

void check_against_naive(const KernelTable& table) {
  check_convolution(table.conv32);
  check_convolution(table.conv64);
  check_products(table.conv128);
  check_packing(table.element16);
  check_packing(table.element32);
  check_packing(table.element64);
  check_selection(table.select16);
  check_selection(table.select32);
  check_planes(table);
  check_comparison(table);
  check_ring(table.ring16);
  check_ring(table.ring32);
  check_shift(table);
}

void check_same(const KernelTable& table, const KernelTable& other) {
  for (const std::size_t n : lengths) {
    CAPTURE(n);
    check_same_elementwise(table, other, n);
    check_same_field67(table, other, n);
  }
}

}  // namespace blindsight::tensor::testing
