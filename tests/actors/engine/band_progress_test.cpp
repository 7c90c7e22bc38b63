#include "actors/engine/band_progress.h"

#include <doctest/doctest.h>

using namespace blindsight;
using actors::BandProgress;

namespace {

protocol::ValueInfo three_bands() {
  return {"layer", 0, {{{0, 3}, {0, 2}}, {{1, 5}, {2, 4}}, {{3, 6}, {4, 6}}}};
}

}  // namespace

TEST_CASE("a band begins when the rows that it needs are there, each once, in any order") {
  const auto info = three_bands();
  BandProgress progress(info);
  CHECK_FALSE(progress.begin_next());
  progress.written({3, 6});
  CHECK(progress.begin_next() == 2u);
  CHECK_FALSE(progress.begin_next());
  progress.written({0, 3});
  CHECK(progress.begin_next() == 0u);
  CHECK(progress.begin_next() == 1u);
  CHECK_FALSE(progress.begin_next());
  CHECK_FALSE(progress.end_one());
  CHECK_FALSE(progress.end_one());
  CHECK(progress.end_one());
}

TEST_CASE("bounded bands begin in rising order, no more at once than allowed") {
  auto info = three_bands();
  info.bands_at_once = 1;
  BandProgress progress(info);
  progress.written({3, 6});
  CHECK_FALSE(progress.begin_next());
  progress.written({0, 3});
  CHECK(progress.begin_next() == 0u);
  CHECK_FALSE(progress.begin_next());
  CHECK_FALSE(progress.end_one());
  CHECK(progress.begin_next() == 1u);
  CHECK_FALSE(progress.end_one());
  CHECK(progress.begin_next() == 2u);
  CHECK(progress.end_one());
}

TEST_CASE("bands that need no rows begin at once, and rows beyond the value are nobody's") {
  protocol::ValueInfo input{"input", 0, {{{0, 0}, {0, 4}}}};
  BandProgress progress(input);
  progress.written({0, 100});
  CHECK(progress.begin_next() == 0u);
  CHECK(progress.end_one());
}
