#include <doctest/doctest.h>

#include <random>

#include "model/image/formats.h"
#include "tests/model/support/pictures.h"
#include "tests/model/support/zoo.h"
#include "tests/support/text.h"

using blindsight::tests::contains;
using namespace blindsight::model;
using namespace blindsight::model::test;
using blindsight::tests::exif_with;

namespace {

/// Where the marker's first byte stands.
std::size_t marker_at(const Bytes& bytes, std::uint8_t marker) {
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i)
    if (bytes[i] == 0xff && bytes[i + 1] == marker) return i;
  FAIL("no such marker");
  return 0;
}

std::string refusal(const Bytes& bytes, std::size_t channels = 3) {
  const auto pixels = decode_jpeg(bytes, channels);
  REQUIRE_FALSE(pixels.has_value());
  return pixels.error().what;
}

Bytes without_end_mark(Bytes bytes) {
  REQUIRE(bytes[bytes.size() - 2] == 0xff);
  REQUIRE(bytes.back() == 0xd9);
  bytes.resize(bytes.size() - 2);
  return bytes;
}

Bytes first(const Bytes& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

const Jpeg baseline{.height = 40, .width = 24}, progressive{.height = 40, .width = 24, .progressive = true},
    by_component{.height = 40, .width = 24, .scan_for_each_component = true};

}  // namespace

TEST_CASE("grey and colour JPEGs, whatever their process, become grey or RGB") {
  const Bytes flat(16 * 16, 90);
  const auto grey = decode_jpeg(Jpeg{.colors = Jpeg::Colors::grey, .samples = flat}.bytes(), 1);
  REQUIRE(grey.has_value());
  CHECK(grey->samples == flat);
  CHECK(decode_jpeg(Jpeg{.colors = Jpeg::Colors::grey, .samples = flat}.bytes(), 3)->samples == Bytes(16 * 16 * 3, 90));
  const auto plain = decode_jpeg(baseline.bytes(), 3);
  REQUIRE(plain.has_value());
  CHECK(plain->size.height == 40);
  CHECK(plain->size.width == 24);
  CHECK(plain->notes.empty());
  CHECK(decode_jpeg(progressive.bytes(), 3)->samples == plain->samples);
  CHECK(decode_jpeg(by_component.bytes(), 3)->samples == plain->samples);
  CHECK(decode_jpeg(baseline.bytes(), 1)->samples == to_channels(plain->samples, 3, 1));
  CHECK(decode_jpeg(Jpeg{.colors = Jpeg::Colors::rgb}.bytes(), 3).has_value());
}

TEST_CASE("an unknown JFIF revision, an unknown Adobe transform and odd scan parameters change nothing") {
  const auto whole = baseline.bytes();
  const auto samples = decode_jpeg(whole, 3)->samples;
  auto jfif = whole;
  jfif[marker_at(whole, 0xe0) + 9] = 2;
  REQUIRE(decode_jpeg(jfif, 3).has_value());
  CHECK(decode_jpeg(jfif, 3)->samples == samples);
  // In the place of JFIF, Adobe's marker.
  for (const std::uint8_t transform : {5, 9}) {
    auto adobe = whole;
    const auto at = adobe.begin() + static_cast<std::ptrdiff_t>(marker_at(whole, 0xe0));
    adobe.erase(at, at + 18);
    const Bytes marker = {0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform};
    adobe.insert(adobe.begin() + 2, marker.begin(), marker.end());
    REQUIRE(decode_jpeg(adobe, 3).has_value());
    CHECK(decode_jpeg(adobe, 3)->samples == samples);
  }
  auto scan = whole;
  scan[marker_at(whole, 0xda) + 4 + 1 + 6 + 1] = 0;  // where the spectrum ends
  REQUIRE(decode_jpeg(scan, 3).has_value());
  CHECK(decode_jpeg(scan, 3)->samples == samples);
}

TEST_CASE("a missing end mark is accepted when everything is there, what ends earlier is refused") {
  const auto samples = decode_jpeg(baseline.bytes(), 3)->samples;
  for (const auto* picture : {&baseline, &progressive, &by_component}) {
    const auto whole = picture->bytes(), open = without_end_mark(whole);
    const auto pixels = decode_jpeg(open, 3);
    REQUIRE_MESSAGE(pixels.has_value(), (pixels ? "" : pixels.error().what));
    CHECK(pixels->samples == samples);
    for (std::size_t cut = 0; cut < open.size(); ++cut) {
      CAPTURE(cut);
      CHECK_FALSE(decode_jpeg(first(whole, cut), 3).has_value());
    }
    // The same, with an end mark behind what is left of the last scan.
    std::size_t last_scan = marker_at(whole, 0xda);
    for (std::size_t i = last_scan; i + 1 < whole.size(); ++i)
      if (whole[i] == 0xff && whole[i + 1] == 0xda) last_scan = i;
    for (std::size_t cut = last_scan; cut + 1 < open.size(); ++cut) {
      auto closed = first(whole, cut);
      blindsight::tests::append(closed, Bytes{0xff, 0xd9});
      const auto read = decode_jpeg(closed, 3);
      // Without its last refinement a progressive picture is a coarser one, and a whole one.
      if (read) CHECK(picture == &progressive);
    }
  }
}

TEST_CASE("arithmetic code is read, or named, without its end mark it is refused") {
  const auto whole = Jpeg{.arithmetic = true}.bytes();
  const auto pixels = decode_jpeg(whole, 3);
  if (!pixels) CHECK(contains(pixels.error().what, "arithmetic"));
  CHECK_FALSE(decode_jpeg(without_end_mark(whole), 3).has_value());
}

TEST_CASE("what is not read is named for what it is, and never called damaged") {
  const auto whole = baseline.bytes();
  const std::size_t frame = marker_at(whole, 0xc0);
  const std::pair<std::uint8_t, const char*> frames[] = {{0xc3, "lossless JPEG (SOF3)"}, {0xc5, "hierarchical JPEG"},
                                                         {0xc7, "hierarchical JPEG"},    {0xcb, "lossless"},
                                                         {0xde, "hierarchical"},         {0xf7, "JPEG-LS"}};
  for (const auto& [marker, name] : frames) {
    auto bytes = whole;
    bytes[frame + 1] = marker;
    CAPTURE(name);
    const auto why = refusal(bytes);
    CHECK(contains(why, name));
    CHECK(contains(why, "convert"));
    CHECK_FALSE(contains(why, "damaged"));
  }
  auto twelve = whole;
  twelve[frame + 4] = 12;
  CHECK(contains(refusal(twelve), "12 bits a sample: convert it to 8"));
  CHECK_FALSE(contains(refusal(twelve), "damaged"));
  auto no_height = whole, huge = whole;
  no_height[frame + 5] = no_height[frame + 6] = 0;
  CHECK(contains(refusal(no_height), "DNL"));
  huge[frame + 5] = huge[frame + 6] = 0xff;
  CHECK(contains(refusal(huge), "supported are at most"));
  for (const std::size_t channels : {1U, 3U}) {
    const auto cmyk = refusal(Jpeg{.colors = Jpeg::Colors::cmyk}.bytes(), channels);
    CHECK(contains(cmyk, "CMYK"));
    CHECK(contains(cmyk, "convert it to RGB"));
    CHECK_FALSE(contains(cmyk, "damaged"));
  }
}

TEST_CASE("the orientation is told and not applied") {
  for (const bool big : {false, true})
    for (unsigned o = 1; o <= 8; ++o) {
      const auto pixels = decode_jpeg(Jpeg{.height = 40, .width = 24, .exif = exif_with(o, big)}.bytes(), 3);
      REQUIRE(pixels.has_value());
      CHECK(pixels->orientation == o);
      CHECK(pixels->size.height == 40);
    }
  CHECK(decode_jpeg(baseline.bytes(), 3)->orientation == 1);
}

TEST_CASE("a damaged photograph is read or refused, never more") {
  const auto bytes = file_bytes("model/zoo/images/malignant/ISIC_0012258.jpg");
  REQUIRE(bytes.size() > 4000);
  std::mt19937 generator(8);
  std::size_t read = 0, refused = 0;
  for (int i = 0; i < 300; ++i) {
    auto hurt = bytes;
    // Half of them in the headers and tables.
    for (unsigned n = 1 + generator() % 4; n > 0; --n)
      hurt[generator() % (generator() % 2 == 0 ? 700 : hurt.size())] = static_cast<std::uint8_t>(generator());
    if (generator() % 4 == 0) hurt.resize(generator() % hurt.size());
    const auto pixels = decode_picture(hurt, 3);
    if (pixels) CHECK(pixels->samples.size() == pixels->size.elements());
    (pixels ? read : refused) += 1;
  }
  CHECK(read > 0);
  CHECK(refused > 0);
}
