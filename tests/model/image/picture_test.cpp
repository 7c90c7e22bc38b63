#include <doctest/doctest.h>

#include "model/image/formats.h"
#include "tests/model/support/pictures.h"

using namespace blindsight::model;
using namespace blindsight::model::test;
using blindsight::tests::Png;

TEST_CASE("a picture is decoded by what it is, another kind is named") {
  const auto png = decode_picture(Png{.rows = {9, 8, 7}}.bytes(), 3);
  REQUIRE_MESSAGE(png.has_value(), (png ? "" : png.error().what));
  CHECK(png->samples == std::vector<std::uint8_t>{9, 8, 7});
  CHECK(decode_picture(Jpeg{}.bytes(), 3)->size.height == 16);
  const Bytes text = {'n', 'o'};
  const auto none = decode_picture(text, 3);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().what.find("text") != std::string::npos);
  CHECK_FALSE(decode_picture({}, 3).has_value());
}

TEST_CASE("colour becomes grey as PIL weighs it, grey becomes three equal channels, alpha is dropped") {
  using Samples = std::vector<std::uint8_t>;
  CHECK(to_channels({255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255}, 3, 1) == Samples{76, 150, 29, 255});
  CHECK(to_channels({10, 20, 30, 99}, 4, 1) == Samples{18});
  CHECK(to_channels({10, 20, 30, 99, 1, 2, 3, 4}, 4, 3) == Samples{10, 20, 30, 1, 2, 3});
  CHECK(to_channels({7, 99, 8, 98}, 2, 1) == Samples{7, 8});
  CHECK(to_channels({7, 99, 8, 98}, 2, 3) == Samples{7, 7, 7, 8, 8, 8});
  CHECK(to_channels({7, 8}, 1, 3) == Samples{7, 7, 7, 8, 8, 8});
  CHECK(to_channels({7, 8}, 1, 1) == Samples{7, 8});
}

TEST_CASE("sizes beyond reason are refused in every format before memory is taken") {
  CHECK(picture_size_is_sane(8192, 8192));
  CHECK(picture_size_is_sane(16384, 1));
  CHECK_FALSE(picture_size_is_sane(20000, 20000));
  CHECK_FALSE(picture_size_is_sane(16385, 1));
  CHECK_FALSE(picture_size_is_sane(0, 5));
  auto jpeg = Jpeg{}.bytes();
  for (std::size_t i = 0; i + 8 < jpeg.size(); ++i)
    if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0) jpeg[i + 5] = jpeg[i + 7] = 0x4e;  // 20,000 and a little
  Bytes idx = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0x4e, 0x20, 0, 0, 0, 1};
  idx.resize(16 + 20000);
  for (const auto& refused :
       {decode_png(Png{.height = 20000, .width = 20000, .rows = {1, 2, 3}}.bytes(), 3), decode_jpeg(jpeg, 3)}) {
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().what.find("supported are at most") != std::string::npos);
  }
  const auto long_idx = decode_idx(idx);
  REQUIRE_FALSE(long_idx.has_value());
  CHECK(long_idx.error().what.find("supported are at most") != std::string::npos);
  // A size in bounds that so few bytes cannot hold.
  for (const auto& refused : {decode_png(Png{.height = 8192, .width = 8192, .rows = {1, 2, 3}}.bytes(), 3)}) {
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().what.find("cannot hold") != std::string::npos);
  }
}
