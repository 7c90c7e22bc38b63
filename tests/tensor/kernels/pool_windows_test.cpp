#include "tensor/kernels/pool_windows.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "../random_words.h"
#include "tensor/kernels/naive/naive.h"

namespace blindsight::tensor {
namespace {

struct Case {
  Shape in;
  Window window;
};

const std::vector<Case> cases{
    {{6, 6, 5}, {2, 2, 2, 2}},
    {{25, 25, 3}, {2, 2, 2, 2}},
    {{7, 9, 20}, {3, 3, 2, 2, 1, 1, 1, 1}},
    {{8, 5, 33}, {3, 2, 1, 1, 0, 1, 2, 0}},
    {{6, 6, 7}, {6, 6, 1, 1}},
    {{5, 5, 64}, {1, 1, 3, 3}},
};

}  // namespace

TEST_CASE_TEMPLATE("windows over any rows equal the naive windows over the whole map", Word, Word16, Word32) {
  for_each_isa([](Isa isa) {
    CAPTURE(name(isa));
    for (const Case& each : cases) {
      const Window& w = each.window;
      const Shape out{w.out_height(each.in.height), w.out_width(each.in.width), each.in.channels};
      CAPTURE(each.in.height);
      CAPTURE(each.in.channels);
      const std::vector<Word> data = random_words<Word>(each.in.elements(), 4);
      std::vector<Word> expected(out.elements());
      for (std::size_t begin = 0; begin < out.height; ++begin)
        for (std::size_t end = begin + 1; end <= out.height; end += 2) {
          const RowRange rows = input_rows(w, {begin, end}, each.in.height);
          const auto held =
              std::span(data).subspan(rows.begin * each.in.row_elements(), rows.size() * each.in.row_elements());
          std::vector<Word> got((end - begin) * out.row_elements(), 1);
          const auto same = [&] {
            return std::equal(got.begin(), got.end(),
                              expected.begin() + static_cast<std::ptrdiff_t>(begin * out.row_elements()));
          };
          for (std::size_t dy = 0; dy < w.height; ++dy)
            for (std::size_t dx = 0; dx < w.width; ++dx) {
              naive::gather_window<Word>(each.in, w, dy, dx, data, expected);
              gather_window<Word>(each.in, w, dy, dx, held, rows, {begin, end}, got);
              CHECK(same());
            }
          naive::sum_windows<Word>(each.in, w, data, expected);
          sum_windows<Word>(each.in, w, held, rows, {begin, end}, got);
          CHECK(same());
        }
    }
  });
}

TEST_CASE("a maximum over the gathered offsets is the maximum of each window, padding and all") {
  const Shape in{7, 9, 2};
  const Window window{3, 3, 2, 2, 1, 1, 1, 1};
  const std::vector<Word16> data = random_words<Word16>(in.elements(), 5);
  const std::size_t height = window.out_height(7), width = window.out_width(9);
  std::vector<Word16> most(height * width * 2), got(most.size());
  for (std::size_t dy = 0; dy < 3; ++dy)
    for (std::size_t dx = 0; dx < 3; ++dx) {
      gather_window<Word16>(in, window, dy, dx, data, {0, 7}, {0, height}, got);
      std::transform(got.begin(), got.end(), most.begin(), most.begin(),
                     [](Word16 a, Word16 b) { return std::max(a, b); });
    }
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x)
      for (std::size_t c = 0; c < 2; ++c) {
        Word16 expected = 0;
        for (std::size_t i = 0; i < 7; ++i)
          for (std::size_t j = 0; j < 9; ++j)
            if (i + 1 >= 2 * y && i + 1 < 2 * y + 3 && j + 1 >= 2 * x && j + 1 < 2 * x + 3)
              expected = std::max(expected, data[(i * 9 + j) * 2 + c]);
        CHECK(most[(y * width + x) * 2 + c] == expected);
      }
}

TEST_CASE("rows that do not cover the windows are refused") {
  const Shape in{6, 4, 1};
  std::vector<Word32> data(8), out(4);
  CHECK_THROWS_AS(sum_windows<Word32>(in, {2, 2, 2, 2}, data, {0, 2}, {0, 2}, out), std::invalid_argument);
  CHECK_THROWS_AS(gather_window<Word32>(in, {2, 2, 2, 2}, 0, 0, data, {1, 3}, {0, 1}, std::span(out).first(2)),
                  std::invalid_argument);
  CHECK_THROWS_AS(gather_window<Word32>(in, {2, 2, 2, 2}, 2, 0, data, {0, 2}, {0, 1}, std::span(out).first(2)),
                  std::invalid_argument);
}

}  // namespace blindsight::tensor
