#include "tensor/kernels/conv.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

#include "../random_words.h"
#include "tensor/kernels/naive/naive.h"

namespace blindsight::tensor {
namespace {

constexpr Window same3{3, 3, 1, 1, 1, 1, 1, 1};

std::string describe(const ConvShape& s) {
  return std::to_string(s.in.height) + "x" + std::to_string(s.in.width) + "x" + std::to_string(s.in.channels) + " -> " +
         std::to_string(s.out_channels) + ", kernel " + std::to_string(s.window.height) + "x" +
         std::to_string(s.window.width);
}

/// The convolution's rows `rows`, from exactly the input rows they read, equal the naive loops under every instruction
/// set.
template <class Word>
void check(const ConvShape& shape, ConvAlgorithm algorithm, const std::vector<RowRange>& ranges) {
  INFO(describe(shape), " ", name(algorithm));
  const std::vector<Word> in = random_words<Word>(shape.in.elements(), 6),
                          filter = random_words<Word>(shape.filter_elements(), 7);
  const Shape out = shape.out();
  std::vector<Word> expected(out.elements());
  naive::convolve<Word>(shape, filter, in, expected);
  const Word mask = low_mask<Word>(sizeof(Word) * 8 - bits_spent(algorithm));
  for (Word& word : expected) word &= mask;

  const Isa prepared_by = active_isa();
  const PreparedFilter<Word> prepared = prepare_filter<Word>(shape, algorithm, filter);
  for_each_isa([&](Isa isa) {
    CAPTURE(name(isa));
    CHECK(prepare_filter<Word>(shape, algorithm, filter).data == prepared.data);
    for (const RowRange& rows : ranges) {
      CAPTURE(rows.begin);
      CAPTURE(rows.end);
      const RowRange held = input_rows(shape.window, rows, shape.in.height);
      const auto window =
          std::span(in).subspan(held.begin * shape.in.row_elements(), held.size() * shape.in.row_elements());
      const auto part = std::span(expected).subspan(rows.begin * out.row_elements(), rows.size() * out.row_elements());
      std::vector<Word> got(part.size(), 99);
      convolve_rows<Word>(prepared, window, held, rows, got, false);
      REQUIRE(std::equal(got.begin(), got.end(), part.begin()));
      // On top of what is there, and from more rows than needed.
      const std::vector<Word> before = random_words<Word>(part.size(), 8);
      got = before;
      convolve_rows<Word>(prepared, in, {0, shape.in.height}, rows, got, true);
      for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == static_cast<Word>(before[i] + part[i]));
    }
  });
  REQUIRE(active_isa() == prepared_by);
}

std::vector<RowRange> some_ranges(std::size_t height) {
  std::vector<RowRange> ranges{{0, height}};
  if (height > 1) ranges.push_back({height / 2, height});
  if (height > 2) ranges.push_back({1, height - 1});
  if (height > 5) ranges.push_back({2, 5});
  return ranges;
}

}  // namespace

TEST_CASE_TEMPLATE("direct convolution equals the naive loops for any kernel, stride and padding", Word, Word32, Word64,
                   Word128) {
  const std::vector<ConvShape> shapes{
      {{8, 9, 3}, 64, same3},
      {{7, 7, 5}, 6, {5, 5, 1, 1}},
      {{11, 10, 4}, 20, {3, 3, 2, 2, 1, 1, 0, 0}},
      {{9, 9, 2}, 33, {2, 4, 3, 1, 0, 2, 1, 1}},
      {{6, 6, 16}, 40, {1, 1, 1, 1}},
      {{6, 6, 16}, 40, {1, 1, 2, 2}},
      {{4, 4, 1}, 1, {4, 4, 1, 1, 3, 3, 3, 3}},
      {{30, 30, 1}, 8, {5, 5, 1, 1, 2, 2, 2, 2}},
      {{5, 5, 64}, 2, same3},  // few outputs: lanes over the inputs
      {{1, 1, 1000}, 2, {}},   // fully connected
      {{1, 1, 777}, 10, {}},
      {{1, 1, 64}, 100, {}},
  };
  for (const ConvShape& shape : shapes) check<Word>(shape, ConvAlgorithm::direct, some_ranges(shape.out().height));
}

TEST_CASE("sums of many products in Z_2^128 wrap as they should, whatever the words are made of") {
  for (const ConvShape& shape : {ConvShape{{3, 9, 300}, 13, {3, 3}}, {{1, 1, 5000}, 16, {}}, {{1, 7, 1024}, 8, {}}})
    check<Word128>(shape, ConvAlgorithm::direct, {{0, shape.out().height}});
  // The words with the largest parts: 1024 products and more of -1 by -1.
  for (const std::size_t depth : {1023, 1024, 1025, 4100}) {
    const ConvShape shape{{1, 5, depth}, 9, {}};
    const std::vector<Word128> in(shape.in.elements(), ~Word128{0}), filter(shape.filter_elements(), ~Word128{0});
    for_each_isa([&](Isa isa) {
      CAPTURE(name(isa));
      const auto prepared = prepare_filter<Word128>(shape, ConvAlgorithm::direct, filter);
      std::vector<Word128> out(shape.out().elements());
      convolve_rows<Word128>(prepared, in, {0, 1}, {0, 1}, out, false);
      for (const Word128 word : out) REQUIRE(word == depth);
    });
  }
}

TEST_CASE_TEMPLATE("Winograd convolution is exact modulo the word without its spent bits", Word, Word32, Word64) {
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::winograd2, ConvAlgorithm::winograd4}) {
    for (const std::size_t size : {1, 2, 4, 5, 6, 7, 8, 12})
      check<Word>({{size, 13 - size, 5}, 6, same3}, algorithm, some_ranges(size));
    for (const std::size_t channels : {1, 3, 5, 64})
      for (const std::size_t outs : {1, 2, 6, 20, 64})
        check<Word>({{9, 6, channels}, outs, same3}, algorithm, some_ranges(9));
    check<Word>({{9, 9, 3}, 4, {3, 3}}, algorithm, some_ranges(7));
    check<Word>({{9, 9, 3}, 4, {3, 3, 1, 1, 2, 0, 0, 2}}, algorithm, some_ranges(9));
  }
}

TEST_CASE("Winograd in bands per core and in one shared band equals the naive loops") {
  // Many tiles under a small filter; then a filter too large for a core's cache.
  check<Word32>({{41, 50, 4}, 8, same3}, ConvAlgorithm::winograd4, {{0, 41}, {3, 40}});
  check<Word32>({{10, 10, 96}, 160, same3}, ConvAlgorithm::winograd4, {{0, 10}, {4, 8}});
}

TEST_CASE("random geometries equal the naive loops") {
  std::mt19937 generator(9);
  const auto pick = [&](std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(generator);
  };
  for (int i = 0; i < 150; ++i) {
    const bool winograd = pick(0, 1) == 1;
    ConvShape shape{{pick(1, 20), pick(1, 20), pick(1, 40)}, pick(1, 70), {}};
    Window& w = shape.window;
    w = winograd ? Window{3, 3} : Window{pick(1, 5), pick(1, 5), pick(1, 3), pick(1, 3)};
    w.pad_top = pick(0, 3), w.pad_left = pick(0, 3), w.pad_bottom = pick(0, 3), w.pad_right = pick(0, 3);
    const Shape out = shape.out();
    if (out.elements() == 0) continue;
    const std::size_t begin = pick(0, out.height - 1);
    const ConvAlgorithm algorithm = !winograd         ? ConvAlgorithm::direct
                                    : pick(0, 1) == 1 ? ConvAlgorithm::winograd2
                                                      : ConvAlgorithm::winograd4;
    const std::vector<RowRange> rows{{begin, pick(begin + 1, out.height)}};
    check<Word32>(shape, algorithm, rows);
    if (!winograd && i % 2 == 0) check<Word128>(shape, algorithm, rows);
  }
}

TEST_CASE("concurrent convolutions do not disturb each other") {
  const ConvShape shape{{20, 20, 16}, 48, same3};
  const auto in = random_words<Word32>(shape.in.elements(), 1),
             filter = random_words<Word32>(shape.filter_elements(), 2);
  const auto prepared = prepare_filter<Word32>(shape, ConvAlgorithm::winograd4, filter);
  std::vector<Word32> expected(shape.out().elements());
  convolve_rows<Word32>(prepared, in, {0, 20}, {0, 20}, expected, false);
  std::vector<std::vector<Word32>> got(16, std::vector<Word32>(expected.size()));
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      for (std::size_t i = static_cast<std::size_t>(caller); i < got.size(); i += 4)
        convolve_rows<Word32>(prepared, in, {0, 20}, {0, 20}, got[i], false);
    });
  for (std::thread& each : callers) each.join();
  for (const auto& each : got) CHECK(each == expected);
}

TEST_CASE("what an algorithm cannot do, and rows that do not fit, are refused") {
  CHECK_FALSE(supports(ConvAlgorithm::winograd4, {{8, 8, 1}, 1, {3, 3, 2, 2}}));
  CHECK_FALSE(supports(ConvAlgorithm::winograd2, {{8, 8, 1}, 1, {5, 5}}));
  const ConvShape shape{{8, 8, 2}, 3, same3};
  const std::vector<Word32> filter(shape.filter_elements(), 1);
  const std::vector<Word128> wide(shape.filter_elements(), 1);
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::winograd2, ConvAlgorithm::winograd4})
    CHECK_THROWS_AS(prepare_filter<Word128>(shape, algorithm, wide), std::invalid_argument);
  CHECK_THROWS_AS(prepare_filter<Word32>({{8, 8, 2}, 3, {3, 3, 2, 2}}, ConvAlgorithm::winograd4, filter),
                  std::invalid_argument);
  CHECK_THROWS_AS(prepare_filter<Word32>(shape, ConvAlgorithm::direct, std::span(filter).first(5)),
                  std::invalid_argument);
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::direct, ConvAlgorithm::winograd4}) {
    const auto prepared = prepare_filter<Word32>(shape, algorithm, filter);
    std::vector<Word32> in(3 * 16), out(2 * 24);
    CHECK_THROWS_AS(convolve_rows<Word32>(prepared, in, {2, 5}, {2, 4}, out, false),
                    std::invalid_argument);  // needs rows 1 to 5
    CHECK_THROWS_AS(convolve_rows<Word32>(prepared, in, {0, 3}, {0, 3}, out, false), std::invalid_argument);
    CHECK_THROWS_AS(convolve_rows<Word32>(prepared, in, {5, 8}, {7, 9}, out, false), std::invalid_argument);
  }
}

}  // namespace blindsight::tensor
