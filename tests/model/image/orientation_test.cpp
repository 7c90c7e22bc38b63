#include <doctest/doctest.h>

#include <random>

#include "model/image/formats.h"
#include "tests/support/png_writer.h"

using namespace blindsight::model;
using blindsight::tests::Bytes;
using blindsight::tests::exif_with;

TEST_CASE("the orientation is read in both byte orders, with and without EXIF's own mark, and only when it is one") {
  for (const bool big : {false, true})
    for (unsigned o = 0; o < 12; ++o) {
      auto exif = exif_with(o, big);
      const unsigned stated = o >= 1 && o <= 8 ? o : 1;
      CHECK(exif_orientation(exif) == stated);
      const Bytes mark = {'E', 'x', 'i', 'f', 0, 0};
      exif.insert(exif.begin(), mark.begin(), mark.end());
      CHECK(exif_orientation(exif) == stated);
    }
  auto other = exif_with(6, true);
  other[11] = 0x13;  // another tag
  CHECK(exif_orientation(other) == 1);
  auto two = exif_with(6, true);
  two[17] = 2;  // two values
  CHECK(exif_orientation(two) == 1);
  auto text = exif_with(6, true);
  text[13] = 2;  // a text
  CHECK(exif_orientation(text) == 1);
}

TEST_CASE("cut and random EXIF is never read outside of its bytes") {
  for (const bool big : {false, true}) {
    const auto whole = exif_with(8, big);
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      // A copy of just this size, so that a sanitizer sees a byte too many.
      const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
      CHECK(exif_orientation(part) == (cut >= 20 ? 8U : 1U));
    }
    std::mt19937 generator(3);
    for (int i = 0; i < 20000; ++i) {
      auto hurt = whole;
      for (unsigned n = 1 + generator() % 4; n > 0; --n)
        hurt[generator() % hurt.size()] = static_cast<std::uint8_t>(generator());
      hurt.resize(generator() % (hurt.size() + 1));
      const auto o = exif_orientation(hurt);
      CHECK(o >= 1);
      CHECK(o <= 8);
    }
  }
}

TEST_CASE("a picture is turned upright as each of the eight values says") {
  // 1 2 3
  // 4 5 6
  const std::vector<std::uint8_t> expected[] = {
      {1, 2, 3, 4, 5, 6},  // 1: as it is
      {3, 2, 1, 6, 5, 4},  // 2: mirrored
      {6, 5, 4, 3, 2, 1},  // 3: turned by 180 degrees
      {4, 5, 6, 1, 2, 3},  // 4: upside down
      {1, 4, 2, 5, 3, 6},  // 5: rows and columns exchanged
      {4, 1, 5, 2, 6, 3},  // 6: to be turned clockwise
      {6, 3, 5, 2, 4, 1},  // 7: exchanged along the other diagonal
      {3, 6, 2, 5, 1, 4},  // 8: to be turned counter-clockwise
  };
  for (unsigned o = 1; o <= 8; ++o) {
    CAPTURE(o);
    const auto one = upright({{2, 3, 1}, {1, 2, 3, 4, 5, 6}, {}, o});
    CHECK(one.samples == expected[o - 1]);
    CHECK(one.size.height == (o >= 5 ? 3 : 2));
    CHECK(one.size.width == (o >= 5 ? 2 : 3));
    CHECK(one.orientation == 1);
    std::vector<std::uint8_t> pairs, pairs_expected;
    for (const std::uint8_t v : {1, 2, 3, 4, 5, 6})
      blindsight::tests::append(pairs, Bytes{v, static_cast<std::uint8_t>(v + 100)});
    for (const auto v : expected[o - 1])
      blindsight::tests::append(pairs_expected, Bytes{v, static_cast<std::uint8_t>(v + 100)});
    CHECK(upright({{2, 3, 2}, pairs, {}, o}).samples == pairs_expected);
  }
}
