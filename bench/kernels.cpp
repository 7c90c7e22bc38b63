// How fast the kernels run against what this CPU can do: a multiply-add loop that never leaves the registers, and
// memcpy.
//   bench_kernels [--small] [--threads N]     the instruction set: BLINDSIGHT_ISA=portable|avx2|avx512
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <random>
#include <string>
#include <vector>

#include "tensor/kernels/bit_planes.h"
#include "tensor/kernels/conv.h"
#include "tensor/kernels/isa.h"
#include "tensor/kernels/pack_bits.h"
#include "tensor/kernels/parallel.h"
#include "tensor/kernels/pool_windows.h"

namespace blindsight::tensor {
namespace {

template <class Word>
Buffer<Word> random_words(std::size_t n, unsigned seed) {
  std::mt19937_64 generator(seed);
  Buffer<Word> words(n);
  for (Word& word : words) word = static_cast<Word>(generator());
  return words;
}

/// Seconds of the fastest of some runs.
template <class Body>
double best_seconds(int runs, const Body& body) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_kernels: wrong answer: %s\n", what.c_str());
  std::exit(1);
}

// Registers multiplied and added to over and over, enough of them that latency is hidden: nothing is loaded or stored.
#define BLINDSIGHT_PEAK_LOOP(bytes, registers)                                                \
  using V [[gnu::vector_size(bytes)]] = Word32;                                               \
  V x[registers];                                                                             \
  const V factor = V{} + seed, term = factor + 1;                                             \
  _Pragma("GCC unroll 32") for (int j = 0; j < registers; ++j) x[j] = factor + j;             \
  for (std::size_t i = 0; i < rounds; ++i) {                                                  \
    _Pragma("GCC unroll 32") for (int j = 0; j < registers; ++j) x[j] = x[j] * factor + term; \
  }                                                                                           \
  V sum{};                                                                                    \
  _Pragma("GCC unroll 32") for (int j = 0; j < registers; ++j) sum += x[j];                   \
  return sum[0]

#if defined(__x86_64__)
__attribute__((target("avx512f"))) Word32 peak_loop_avx512(std::size_t rounds, Word32 seed) {
  BLINDSIGHT_PEAK_LOOP(64, 24);
}
__attribute__((target("avx2"))) Word32 peak_loop_avx2(std::size_t rounds, Word32 seed) {
  BLINDSIGHT_PEAK_LOOP(32, 12);
}
#endif
Word32 peak_loop_portable(std::size_t rounds, Word32 seed) {
  BLINDSIGHT_PEAK_LOOP(16, 8);
}

/// 32-bit multiply-adds per second and core of the bound instruction set's registers.
double peak_macs_per_second(int runs) {
  Word32 (*loop)(std::size_t, Word32) = peak_loop_portable;
  std::size_t lanes = 4 * 8;
#if defined(__x86_64__)
  if (active_isa() == Isa::avx512) loop = peak_loop_avx512, lanes = 16 * 24;
  if (active_isa() == Isa::avx2) loop = peak_loop_avx2, lanes = 8 * 12;
#endif
  constexpr std::size_t rounds = 200000;
  volatile Word32 sink = 3;
  const double seconds = best_seconds(runs, [&] { sink = loop(rounds, sink); });
  return static_cast<double>(rounds * lanes) / seconds;
}

std::string describe(const ConvShape& shape) {
  return std::to_string(shape.in.height) + "x" + std::to_string(shape.in.width) + "x" +
         std::to_string(shape.in.channels) + "-" + std::to_string(shape.out_channels);
}

struct Line {
  std::string name;
  double seconds, rate;
  const char* unit;
};

std::vector<Line> lines;

void report(const std::string& what, double seconds, double rate, const char* unit, double peak) {
  std::printf("%-34s %10.3f ms %8.1f %-7s %5.0f %% of peak\n", what.c_str(), seconds * 1e3, rate, unit,
              100 * rate / peak);
  std::fflush(stdout);
  lines.push_back({what, seconds, rate, unit});
}

/// One whole convolution by each algorithm; Winograd's answer is compared with the direct one, and that with single
/// pixels.
double convolution(const ConvShape& shape, const std::vector<ConvAlgorithm>& algorithms, int runs, double peak) {
  const Buffer<Word32> in = random_words<Word32>(shape.in.elements(), 3),
                       filter = random_words<Word32>(shape.filter_elements(), 4);
  const Shape result = shape.out();
  Buffer<Word32> expected(result.elements()), out(result.elements());
  const auto run = [&](const PreparedFilter<Word32>& prepared, Buffer<Word32>& to) {
    convolve_rows<Word32>(prepared, in, {0, shape.in.height}, {0, result.height}, to, false);
  };
  run(prepare_filter<Word32>(shape, ConvAlgorithm::direct, filter), expected);
  const Window& w = shape.window;
  for (std::size_t pixel : {std::size_t{0}, result.height * result.width / 2, result.height * result.width - 1}) {
    Word32 sum = 0;
    for (std::size_t dy = 0; dy < w.height; ++dy)
      for (std::size_t dx = 0; dx < w.width; ++dx) {
        const std::size_t y = pixel / result.width * w.stride_y + dy - w.pad_top,
                          x = pixel % result.width * w.stride_x + dx - w.pad_left;
        if (y >= shape.in.height || x >= shape.in.width) continue;
        for (std::size_t i = 0; i < shape.in.channels; ++i)
          sum += in[(y * shape.in.width + x) * shape.in.channels + i] *
                 filter[((dy * w.width + dx) * shape.in.channels + i) * shape.out_channels];
      }
    if (expected[pixel * shape.out_channels] != sum) fail(describe(shape) + " direct");
  }
  double best = 1e30;
  for (const ConvAlgorithm algorithm : algorithms) {
    if (!supports(algorithm, shape)) continue;
    const PreparedFilter<Word32> prepared = prepare_filter<Word32>(shape, algorithm, filter);
    run(prepared, out);
    const Word32 mask = low_mask<Word32>(32 - bits_spent(algorithm));
    for (std::size_t i = 0; i < out.size(); ++i)
      if (out[i] != (expected[i] & mask)) fail(describe(shape) + " " + std::string(name(algorithm)));
    const double seconds = best_seconds(runs, [&] { run(prepared, out); });
    // Multiplications that the algorithm itself does, tiles that overhang the border included.
    const std::size_t m = algorithm == ConvAlgorithm::winograd4 ? 4 : 2;
    const std::size_t tiles = ((result.height + m - 1) / m) * ((result.width + m - 1) / m);
    const double macs = algorithm == ConvAlgorithm::direct
                            ? static_cast<double>(shape.macs())
                            : static_cast<double>(tiles * (m + 2) * (m + 2) * shape.in.channels * shape.out_channels);
    report(describe(shape) + " " + std::string(name(algorithm)), seconds, macs / seconds / 1e9, "G MAC/s", peak / 1e9);
    best = std::min(best, seconds);
  }
  return best;
}

/// The matrix products of one Winograd batch on one core: for each of 36 positions `patches`×in times in×out, as 1×1
/// convolutions, with filters of their own as in a network. Compared with a few sums by hand.
void winograd_batch(std::size_t patches, std::size_t in, std::size_t out, int runs, double core_peak) {
  constexpr std::size_t positions = 36;
  const InnerLoops one_core(false);
  const ConvShape shape{{1, patches, in}, out, {}};
  const std::string what = "36 x " + std::to_string(patches) + "x" + std::to_string(in) + "x" + std::to_string(out);
  const Buffer<Word32> x = random_words<Word32>(positions * patches * in, 8);
  std::vector<PreparedFilter<Word32>> filters;
  Buffer<Word32> product(positions * patches * out);
  for (std::size_t i = 0; i < positions; ++i)
    filters.push_back(prepare_filter<Word32>(shape, ConvAlgorithm::direct,
                                             random_words<Word32>(in * out, static_cast<unsigned>(9 + i))));
  const auto multiply = [&] {
    for (std::size_t i = 0; i < positions; ++i)
      convolve_rows<Word32>(filters[i], std::span(x).subspan(i * patches * in, patches * in), {0, 1}, {0, 1},
                            std::span(product).subspan(i * patches * out, patches * out), false);
  };
  multiply();
  for (const std::size_t i : {std::size_t{0}, positions - 1}) {
    const auto filter = random_words<Word32>(in * out, static_cast<unsigned>(9 + i));
    for (const std::size_t row : {std::size_t{0}, patches - 1})
      for (std::size_t j = 0; j < out; ++j) {
        Word32 sum = 0;
        for (std::size_t k = 0; k < in; ++k) sum += x[(i * patches + row) * in + k] * filter[k * out + j];
        if (product[(i * patches + row) * out + j] != sum) fail(what);
      }
  }
  const double seconds = best_seconds(runs, multiply);
  report(what + ", one core", seconds, static_cast<double>(positions * patches * in * out) / seconds / 1e9, "G MAC/s",
         core_peak / 1e9);
}

template <class Word>
void packing(unsigned bits, std::size_t n, int runs, double peak) {
  Buffer<Word> words = random_words<Word>(n, 5), back(n);
  std::vector<std::uint8_t> bytes(packed_bytes(n, bits));
  pack_bits<Word>(words, bits, bytes);
  unpack_bits<Word>(bytes, bits, back);
  for (std::size_t i = 0; i < n; ++i)
    if (back[i] != (words[i] & low_mask<Word>(bits))) fail("packing to " + std::to_string(bits) + " bits");
  const double moved = static_cast<double>(n * sizeof(Word) + bytes.size());
  const std::string what = std::to_string(bits) + " bits of " + std::to_string(sizeof(Word) * 8);
  double seconds = best_seconds(runs, [&] { pack_bits<Word>(words, bits, bytes); });
  report("pack " + what, seconds, moved / seconds / 1e9, "GB/s", peak);
  seconds = best_seconds(runs, [&] { unpack_bits<Word>(bytes, bits, back); });
  report("unpack " + what, seconds, moved / seconds / 1e9, "GB/s", peak);
}

void planes(std::size_t n, int runs, double peak) {
  const Buffer<Word16> words = random_words<Word16>(n, 6), other = random_words<Word16>(n, 7);
  const std::size_t row = plane_words(n);
  std::vector<Word64> bits(12 * row), products(15 * row), less(row), equal(row);
  to_planes(words, 12, bits);
  for (std::size_t i = 0; i < n; i += 97)
    for (unsigned j = 0; j < 12; ++j)
      if ((bits[j * row + i / 64] >> i % 64 & 1) != (words[i] >> j & 1u)) fail("to_planes");
  double seconds = best_seconds(runs, [&] { to_planes(words, 12, bits); });
  report("to_planes 12", seconds, static_cast<double>(n * 2 + bits.size() * 8) / seconds / 1e9, "GB/s", peak);

  monomials(bits.data(), 4, row, products.data());
  compare_digit(bits.data() + 4 * row, products.data(), 4, true, row, less.data(), equal.data());
  for (std::size_t i = 0; i < n; i += 97) {
    const unsigned r = words[i] & 15u, c = words[i] >> 4 & 15u;
    if ((less[i / 64] >> i % 64 & 1) != (c < r) || (equal[i / 64] >> i % 64 & 1) != (c == r)) fail("compare_digit");
  }
  seconds = best_seconds(
      runs, [&] { compare_digit(bits.data() + 4 * row, products.data(), 4, true, row, less.data(), equal.data()); });
  report("compare_digit 4", seconds, static_cast<double>(21 * row * 8) / seconds / 1e9, "GB/s", peak);
  seconds = best_seconds(runs, [&] { monomials(bits.data(), 4, row, products.data()); });
  report("monomials 4", seconds, static_cast<double>(19 * row * 8) / seconds / 1e9, "GB/s", peak);

  Buffer<Word16> out(n);
  seconds = best_seconds(runs, [&] { select_by_plane<Word16>(less, words, other, out); });
  for (std::size_t i = 0; i < n; i += 97)
    if (out[i] != (less[i / 64] >> i % 64 & 1 ? words[i] : other[i])) fail("select_by_plane");
  report("select_by_plane 16", seconds, static_cast<double>(3 * n * 2 + row * 8) / seconds / 1e9, "GB/s", peak);
}

void windows(std::size_t size, int runs, double peak) {
  const Shape in{size, size, 64};
  const Window pool{2, 2, 2, 2};
  const Buffer<Word16> words = random_words<Word16>(in.elements(), 8);
  const std::size_t half = pool.out_height(size);
  Buffer<Word16> out(half * half * 64);
  double seconds = best_seconds(runs, [&] { gather_window<Word16>(in, pool, 1, 1, words, {0, size}, {0, half}, out); });
  if (out[64] != words[(size + 3) * 64]) fail("gather_window");
  report("gather_window 2x2x64", seconds, static_cast<double>(out.size() * 4) / seconds / 1e9, "GB/s", peak);
  seconds = best_seconds(runs, [&] { sum_windows<Word16>(in, pool, words, {0, size}, {0, half}, out); });
  if (out[0] != static_cast<Word16>(words[0] + words[64] + words[size * 64] + words[(size + 1) * 64]))
    fail("sum_windows");
  report("sum_windows 2x2x64", seconds, static_cast<double>(words.size() * 2 + out.size() * 2) / seconds / 1e9, "GB/s",
         peak);
}

int run(bool small, int threads) {
  const oneapi::tbb::global_control control(oneapi::tbb::global_control::max_allowed_parallelism,
                                            static_cast<std::size_t>(threads));
  const std::size_t bytes = small ? 1 << 16 : 8 << 20;
  const int runs = small ? 1 : 15;
  const double core_peak = peak_macs_per_second(runs), peak = core_peak * threads;
  std::vector<std::uint8_t> from(bytes, 1), to(bytes);
  const double copy =
      2.0 * static_cast<double>(bytes) / best_seconds(runs, [&] { std::memcpy(to.data(), from.data(), bytes); }) / 1e9;
  std::printf(
      "%s, %d threads; peak %.1f G MAC/s per core (32-bit words in registers), memcpy %.1f GB/s read and "
      "written\n",
      std::string(name(active_isa())).c_str(), threads, core_peak / 1e9, copy);

  const Window same3{3, 3, 1, 1, 1, 1, 1, 1};
  double total = 0;
  if (small) {
    convolution({{10, 10, 16}, 40, same3}, {ConvAlgorithm::direct, ConvAlgorithm::winograd2, ConvAlgorithm::winograd4},
                1, peak);
    winograd_batch(7, 16, 40, 1, core_peak);
  } else {
    // The demonstration model, VGG16 at 200x200: its convolutions, and how often each occurs.
    const struct {
      std::size_t size, in, out;
      int times;
    } layers[] = {{200, 3, 64, 1},   {200, 64, 64, 1},  {100, 64, 128, 1}, {100, 128, 128, 1}, {50, 128, 256, 1},
                  {50, 256, 256, 2}, {25, 256, 512, 1}, {25, 512, 512, 2}, {12, 512, 512, 3}};
    for (const auto& layer : layers)
      total += layer.times * convolution({{layer.size, layer.size, layer.in}, layer.out, same3},
                                         {ConvAlgorithm::direct, ConvAlgorithm::winograd2, ConvAlgorithm::winograd4},
                                         runs, peak);
    std::printf("%-34s %10.3f ms\n", "13 convolutions, best algorithm", total * 1e3);
    // A 12×12 map has 9 patches, a 25×25 one 49; of larger maps a band has about 48.
    const std::size_t batches[][3] = {{48, 64, 64},   {48, 64, 128},  {48, 128, 128}, {48, 128, 256},
                                      {48, 256, 256}, {49, 256, 512}, {49, 512, 512}, {9, 512, 512}};
    for (const auto& [patches, in, out] : batches) winograd_batch(patches, in, out, runs, core_peak);
    convolution({{1, 1, 18432}, 2, {}}, {ConvAlgorithm::direct}, runs, peak);
    convolution({{1, 1, 25088}, 1000, {}}, {ConvAlgorithm::direct}, runs, peak);
  }
  const std::size_t n = small ? 5000 : 2560000;
  packing<Word16>(8, n, runs, copy);
  packing<Word16>(12, n, runs, copy);
  packing<Word16>(13, n, runs, copy);
  packing<Word32>(24, n, runs, copy);
  packing<Word32>(26, n, runs, copy);
  packing<Word64>(40, n, runs, copy);
  planes(n, runs, copy);
  windows(small ? 8 : 200, runs, copy);

  std::printf(
      "{\"benchmark\":\"kernels\",\"isa\":\"%s\",\"threads\":%d,\"peak_gmacs_per_core\":%.2f,\"memcpy_gbs\":%.2f,"
      "\"vgg16_200_convolutions_s\":%.5f,\"lines\":[",
      std::string(name(active_isa())).c_str(), threads, core_peak / 1e9, copy, total);
  for (std::size_t i = 0; i < lines.size(); ++i)
    std::printf("%s{\"name\":\"%s\",\"seconds\":%.6g,\"rate\":%.4g,\"unit\":\"%s\"}", i ? "," : "",
                lines[i].name.c_str(), lines[i].seconds, lines[i].rate, lines[i].unit);
  std::printf("]}\n");
  return 0;
}

}  // namespace
}  // namespace blindsight::tensor

int main(int argc, char** argv) {
  bool small = false;
  int threads = oneapi::tbb::info::default_concurrency();
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--small") == 0) {
      small = true;
    } else if (std::strcmp(argv[i], "--threads") == 0 && i + 1 < argc && std::atoi(argv[i + 1]) > 0) {
      threads = std::atoi(argv[++i]);
    } else {
      std::fprintf(stderr, "usage: bench_kernels [--small] [--threads N]\n");
      return 2;
    }
  }
  try {
    return blindsight::tensor::run(small, threads);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_kernels: %s\n", error.what());
    return 2;
  }
}
