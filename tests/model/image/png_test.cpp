#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "model/image/formats.h"
#include "tests/support/png_writer.h"

using namespace blindsight::model;
using namespace blindsight::tests;

namespace {

using Samples = std::vector<std::uint8_t>;

Pixels read(const Png& png, std::size_t channels) {
  auto pixels = decode_png(png.bytes(), channels);
  REQUIRE_MESSAGE(pixels.has_value(), (pixels ? "" : pixels.error().what));
  CHECK(pixels->samples.size() == pixels->size.elements());
  return *std::move(pixels);
}

void append_chunk(Bytes& to, const std::string& type, const Bytes& content) {
  append(to, png_chunk(type, content));
}

Bytes chunk_of(const std::string& type, const Bytes& content) {
  return png_chunk(type, content);
}

}  // namespace

TEST_CASE("grey, colour and palettes of every depth become grey or RGB of 8 bits") {
  CHECK(read({.color_type = 2, .rows = {10, 20, 30}}, 3).samples == Samples{10, 20, 30});
  // 0.299 R + 0.587 G + 0.114 B, rounded.
  CHECK(read({.color_type = 2, .rows = {10, 20, 30}}, 1).samples == Samples{18});
  CHECK(read({.color_type = 0, .rows = {77}}, 1).samples == Samples{77});
  CHECK(read({.color_type = 0, .rows = {77}}, 3).samples == Samples{77, 77, 77});
  CHECK(read({.width = 3, .bit_depth = 1, .color_type = 0, .rows = {0b10100000}}, 1).samples == Samples{255, 0, 255});
  CHECK(read({.width = 3, .bit_depth = 2, .color_type = 0, .rows = {0b00011100}}, 1).samples == Samples{0, 85, 255});
  CHECK(read({.width = 2, .bit_depth = 4, .color_type = 0, .rows = {0x3f}}, 1).samples == Samples{51, 255});
  const auto palette = chunk_of("PLTE", {1, 2, 3, 40, 50, 60});
  CHECK(
      read({.width = 2, .bit_depth = 1, .color_type = 3, .rows = {0b01000000}, .before_pixels = palette}, 3).samples ==
      Samples{1, 2, 3, 40, 50, 60});
  CHECK(read({.bit_depth = 8, .color_type = 3, .rows = {1}, .before_pixels = palette}, 1).samples == Samples{48});
}

TEST_CASE("16 bits are cut to the high 8 with a note, samples that use the low bits only get another one") {
  const auto bright = read({.bit_depth = 16, .color_type = 0, .rows = {200, 255}}, 1);
  CHECK(bright.samples == Samples{200});
  CHECK(bright.notes == std::vector{Note::cut_to_8_bits});
  const auto dark = read({.width = 2, .bit_depth = 16, .color_type = 0, .rows = {15, 255, 3, 0}}, 1);
  CHECK(dark.samples == Samples{15, 3});
  CHECK(dark.notes == std::vector{Note::low_bits_only});
  CHECK(read({.bit_depth = 16, .color_type = 2, .rows = {9, 0, 8, 0, 100, 0}}, 3).notes ==
        std::vector{Note::cut_to_8_bits});
  CHECK(read({.color_type = 0, .rows = {3}}, 1).notes.empty());
}

TEST_CASE("gamma, white point and colour profiles change no sample") {
  Bytes chunks;
  append_chunk(chunks, "gAMA", {0, 1, 0x86, 0xa0});
  append_chunk(chunks, "cHRM", Bytes(32, 0));
  append_chunk(chunks, "sRGB", {0});
  append_chunk(chunks, "iCCP", {'x', 0, 0, 1});
  for (const std::uint8_t gamma : {1, 100, 200}) {
    Bytes one = chunk_of("gAMA", {0, 0, gamma, 0});
    for (const auto& before : {one, chunks}) {
      CHECK(read({.color_type = 2, .rows = {30, 120, 200}, .before_pixels = before}, 3).samples ==
            Samples{30, 120, 200});
      CHECK(read({.color_type = 0, .rows = {60}, .before_pixels = before}, 1).samples == Samples{60});
      CHECK(read({.bit_depth = 16, .color_type = 0, .rows = {100, 0}, .before_pixels = before}, 1).samples ==
            Samples{100});
    }
  }
}

TEST_CASE("transparency is dropped with a note, and only when something is transparent") {
  const auto rgba = read({.width = 2, .color_type = 6, .rows = {1, 2, 3, 0, 4, 5, 6, 255}}, 3);
  CHECK(rgba.samples == Samples{1, 2, 3, 4, 5, 6});
  CHECK(rgba.notes == std::vector{Note::transparency_dropped});
  CHECK(read({.color_type = 6, .rows = {1, 2, 3, 255}}, 3).notes.empty());
  CHECK(read({.color_type = 6, .rows = {10, 20, 30, 7}}, 1).samples == Samples{18});
  const auto grey = read({.color_type = 4, .rows = {20, 128}}, 1);
  CHECK(grey.samples == Samples{20});
  CHECK(grey.notes == std::vector{Note::transparency_dropped});
  CHECK(read({.color_type = 4, .rows = {20, 128}}, 3).samples == Samples{20, 20, 20});
  // A colour that stands for transparent, and a palette's.
  const Png keyed{
      .width = 2, .color_type = 2, .rows = {9, 9, 9, 1, 2, 3}, .before_pixels = chunk_of("tRNS", {0, 9, 0, 9, 0, 9})};
  CHECK(read(keyed, 3).samples == Samples{9, 9, 9, 1, 2, 3});
  CHECK(read(keyed, 3).notes == std::vector{Note::transparency_dropped});
  Bytes palette = chunk_of("PLTE", {1, 2, 3, 40, 50, 60});
  append_chunk(palette, "tRNS", {255, 10});
  const auto indexed = read({.width = 2, .color_type = 3, .rows = {0, 1}, .before_pixels = palette}, 3);
  CHECK(indexed.samples == Samples{1, 2, 3, 40, 50, 60});
  CHECK(indexed.notes == std::vector{Note::transparency_dropped});
  CHECK(read({.color_type = 3, .rows = {0}, .before_pixels = palette}, 3).notes.empty());
}

TEST_CASE("broken, short, doubled and unknown harmless chunks do not matter, before the pixels or behind") {
  for (const char* type : {"tIME", "bKGD", "iCCP", "sRGB", "eXIf", "pHYs", "cHRM", "gAMA", "hIST", "sBIT",
                           "sPLT", "tEXt", "zTXt", "iTXt", "oFFs", "pCAL", "sCAL", "acTL", "prIv", "tRNS"})
    for (const auto& content : {Bytes{}, Bytes{0}, Bytes{1, 2, 3}, Bytes(400, 7), Bytes(40, 0)}) {
      CAPTURE(type);
      CAPTURE(content.size());
      Bytes twice;
      append_chunk(twice, type, content);
      append_chunk(twice, type, content);
      CHECK(read({.color_type = 2, .rows = {5, 6, 7}, .before_pixels = twice}, 3).samples == Samples{5, 6, 7});
      CHECK(read({.color_type = 2, .rows = {5, 6, 7}, .behind_pixels = twice}, 3).samples == Samples{5, 6, 7});
      twice.back() ^= 1;  // a wrong checksum
      CHECK(read({.color_type = 2, .rows = {5, 6, 7}, .before_pixels = twice}, 3).samples == Samples{5, 6, 7});
    }
}

TEST_CASE("an index that the palette does not have is damage, at every depth, those that it has are colours") {
  const auto two = chunk_of("PLTE", {1, 2, 3, 40, 50, 60});
  for (const std::uint8_t depth : {2, 4, 8}) {
    CAPTURE(depth);
    const auto first = static_cast<unsigned>(8 - depth);
    const auto row = [&](unsigned index) { return Bytes{static_cast<std::uint8_t>(index << first)}; };
    CHECK(read({.bit_depth = depth, .color_type = 3, .rows = row(1), .before_pixels = two}, 3).samples ==
          Samples{40, 50, 60});
    const auto beyond =
        decode_png(Png{.bit_depth = depth, .color_type = 3, .rows = row(3), .before_pixels = two}.bytes(), 3);
    REQUIRE_FALSE(beyond.has_value());
    CHECK(beyond.error().what.find("colour 3 of a palette of 2") != std::string::npos);
  }
  // Bits behind the last pixel of a row are no pixels.
  CHECK(read({.width = 1, .bit_depth = 4, .color_type = 3, .rows = {0x1f}, .before_pixels = two}, 3).samples ==
        Samples{40, 50, 60});
}

TEST_CASE("damage to what matters is refused") {
  const Png png{.height = 2, .width = 2, .color_type = 0, .rows = {1, 2, 3, 4}};
  const auto whole = png.bytes();
  REQUIRE(decode_png(whole, 1).has_value());
  auto hurt = [&](std::size_t at) {
    auto bytes = whole;
    bytes[at] ^= 0x40;
    return decode_png(bytes, 1);
  };
  constexpr std::size_t header = 8, pixels = 33;
  for (const std::size_t at : {header + 4, header + 11, header + 15, header + 22, pixels + 5, pixels + 8, pixels + 16,
                               whole.size() - 12 - 1, whole.size() - 12 - 4}) {
    CAPTURE(at);
    CHECK_FALSE(hurt(at).has_value());
  }
  auto fewer = png;
  fewer.rows = {1, 2};
  const auto missing_row = decode_png(fewer.bytes(), 1);
  REQUIRE_FALSE(missing_row.has_value());
  CHECK(missing_row.error().what.find("damaged or cut short") != std::string::npos);
  CHECK_FALSE(decode_png(Png{.color_type = 3, .rows = {0}}.bytes(), 3).has_value());  // no palette
  CHECK_FALSE(decode_png(Png{.rows = {1, 2, 3}, .before_pixels = chunk_of("CrIT", {})}.bytes(), 3).has_value());
}

TEST_CASE("only the end mark may be missing, and the checksum of the last pixels") {
  Png png{.height = 2, .width = 2, .color_type = 0, .rows = {1, 2, 3, 4}};
  const auto whole = png.bytes();
  png.end_mark = false;
  CHECK(read(png, 1).samples == Samples{1, 2, 3, 4});
  const std::size_t checksum = png.bytes().size() - 4;
  for (std::size_t cut = 0; cut < png.bytes().size(); ++cut)
    CHECK(decode_png(std::span(whole).first(cut), 1).has_value() == (cut >= checksum));
  CHECK(decode_png(std::span(whole).first(checksum), 1)->samples == Samples{1, 2, 3, 4});
  auto wrong = whole;
  wrong[checksum] ^= 1;
  CHECK_FALSE(decode_png(std::span(wrong).first(checksum + 1), 1).has_value());
  Png fewer = png;
  fewer.rows = {1, 2};
  const auto too_few = fewer.bytes();
  CHECK_FALSE(decode_png(std::span(too_few).first(too_few.size() - 4), 1).has_value());
}

TEST_CASE("interlaced pictures are read as others") {
  Samples rows;
  for (std::size_t i = 0; i < 11 * 13 * 3; ++i) rows.push_back(static_cast<std::uint8_t>(i * 5));
  const Png plain{.height = 11, .width = 13, .color_type = 2, .rows = rows};
  auto interlaced = plain;
  interlaced.interlaced = true;
  CHECK(read(interlaced, 3).samples == rows);
  CHECK(read(interlaced, 1).samples == read(plain, 1).samples);
  auto bytes = interlaced.bytes();
  CHECK_FALSE(decode_png(std::span(bytes).first(bytes.size() - 60), 3).has_value());
}

TEST_CASE("the orientation is told wherever eXIf stands, and not applied") {
  for (const bool big : {false, true}) {
    const auto exif = chunk_of("eXIf", exif_with(6, big));
    CHECK(read({.color_type = 0, .rows = {1}, .before_pixels = exif}, 1).orientation == 6);
    CHECK(read({.color_type = 0, .rows = {1}, .behind_pixels = exif}, 1).orientation == 6);
  }
  CHECK(read({.color_type = 0, .rows = {1}}, 1).orientation == 1);
}

TEST_CASE("a hurt PNG is read or refused, never more") {
  const auto whole = Png{.height = 5, .width = 7, .color_type = 6, .rows = Samples(5 * 7 * 4, 90)}.bytes();
  std::mt19937 generator(5);
  for (int i = 0; i < 3000; ++i) {
    auto hurt = whole;
    hurt[generator() % hurt.size()] = static_cast<std::uint8_t>(generator());
    if (i % 3 == 0) hurt.resize(generator() % hurt.size());
    const auto pixels = decode_png(hurt, 3);
    if (pixels) CHECK(pixels->samples.size() == pixels->size.elements());
  }
}
