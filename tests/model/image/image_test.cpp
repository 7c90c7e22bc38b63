#include "model/image/image.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "tests/model/support/pictures.h"
#include "tests/model/support/zoo.h"
#include "tests/support/text.h"

using blindsight::tests::contains;
using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;
using tests::exif_with;
using tests::Png;
using tests::png_chunk;

namespace {

/// 2×2 RGB: red, green / blue, white.
const Png tiny{.height = 2, .width = 2, .rows = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255}};

std::string refusal(const std::filesystem::path& file, const Preprocessing& p) {
  const auto images = load_images(file, p);
  REQUIRE_FALSE(images.has_value());
  return images.error().what;
}

void write_text(const std::filesystem::path& file, const std::string& text) {
  write_bytes(file, Bytes(text.begin(), text.end()));
}

}  // namespace

TEST_CASE("a PNG is read, preprocessed and kept in row, column, channel order") {
  const TemporaryFolder folder;
  write_bytes(folder / "tiny.png", tiny.bytes());
  const auto raw = load_images(folder / "tiny.png", *Preprocessing::preset("raw", {2, 2, 3}));
  REQUIRE_MESSAGE(raw.has_value(), (raw ? "" : raw.error().what));
  CHECK(raw->at(0).values == std::vector<float>{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255});
  CHECK(raw->at(0).notes.empty());
  CHECK(raw->at(0).name == (folder / "tiny.png").string());
  const auto normal = load_images(folder / "tiny.png", *Preprocessing::preset("imagenet", {2, 2, 3}));
  CHECK(normal->at(0).values[0] == doctest::Approx((1 - 0.485) / 0.229));
  CHECK(normal->at(0).values[1] == doctest::Approx(-0.456 / 0.224));
  CHECK(normal->at(0).values[2] == doctest::Approx(-0.406 / 0.225));
  const auto larger = load_images(folder / "tiny.png", *Preprocessing::preset("raw", {4, 4, 3}));
  CHECK(larger->at(0).notes == std::vector{Note::resized});
  CHECK(larger->at(0).file_height == 2);
  CHECK_FALSE(Preprocessing::preset("imagenet", {2, 2, 1}).has_value());
  CHECK_FALSE(Preprocessing::preset("nothing", {2, 2, 3}).has_value());
}

TEST_CASE("what a file is, its bytes say, its name does not matter") {
  const TemporaryFolder folder;
  const auto p = *Preprocessing::preset("raw", {2, 2, 3});
  for (const char* name : {"a.jpg", "a.jfif", "a", "a.npy", "a.dcm"}) {
    write_bytes(folder / name, tiny.bytes());
    CHECK(load_images(folder / name, p)->at(0).values[0] == 255);
  }
  write_bytes(folder / "b.png", npy("|u1", "(2, 2, 3)", Bytes(12, 9)));
  CHECK(load_images(folder / "b.png", p)->at(0).values == std::vector<float>(12, 9));
  write_bytes(folder / "c.png", Jpeg{}.bytes());
  CHECK(load_images(folder / "c.png", p).has_value());
}

TEST_CASE("a file that is not read is named, with what it is") {
  const TemporaryFolder folder;
  const auto p = *Preprocessing::preset("raw", {2, 2, 3});
  write_text(folder / "text.jpg", "no picture");
  CHECK(contains(refusal(folder / "text.jpg", p), "text.jpg"));
  CHECK(contains(refusal(folder / "text.jpg", p), "of the kind text"));
  write_text(folder / "empty.png", "");
  CHECK(contains(refusal(folder / "empty.png", p), "empty"));
  CHECK(contains(refusal(folder / "gone.png", p), "No such file"));
  write_text(folder / "some.png", "GIF89a....");
  CHECK(contains(refusal(folder / "some.png", p), "GIF"));
  CHECK(contains(refusal(folder.path(), p), "no ordinary file"));
  ::mkfifo((folder / "pipe.png").c_str(), 0600);
  CHECK(contains(refusal(folder / "pipe.png", p), "no ordinary file"));
  write_bytes(folder / "tiny.png", tiny.bytes());
  CHECK(contains(refusal(folder / "tiny.png", *Preprocessing::preset("raw", {2, 2, 2})), "2 channels"));
  CHECK_FALSE(load_images("model/zoo/mnist-100.idx3-ubyte", *Preprocessing::preset("raw", {28, 28, 3})).has_value());
}

TEST_CASE("an orientation is noted and ignored, or applied before the picture is resized") {
  const TemporaryFolder folder;
  Png png{.height = 1,
          .width = 2,
          .color_type = 0,
          .rows = {10, 200},
          .before_pixels = png_chunk("eXIf", exif_with(6, true))};
  write_bytes(folder / "turned.png", png.bytes());
  auto p = *Preprocessing::preset("raw", {1, 2, 1});
  const auto ignored = load_images(folder / "turned.png", p);
  CHECK(ignored->at(0).values == std::vector<float>{10, 200});
  CHECK(ignored->at(0).notes == std::vector{Note::orientation_ignored});
  p.size = {2, 1, 1};
  p.orientation = Orientation::exif;
  const auto applied = load_images(folder / "turned.png", p);
  CHECK(applied->at(0).values == std::vector<float>{10, 200});
  CHECK(applied->at(0).notes.empty());
  CHECK(applied->at(0).file_height == 2);
  for (unsigned o = 1; o <= 8; ++o) {
    const Jpeg jpeg{.height = 8, .width = 16, .colors = Jpeg::Colors::grey, .exif = exif_with(o, false)};
    write_bytes(folder / "turned.jpg", jpeg.bytes());
    const auto image = load_images(folder / "turned.jpg", p);
    CHECK(image->at(0).file_height == (o >= 5 ? 16 : 8));
    CHECK_FALSE(image->at(0).has(Note::orientation_ignored));
  }
}

TEST_CASE("transparency and cut bits are noted with the image") {
  const TemporaryFolder folder;
  const auto p = *Preprocessing::preset("raw", {1, 1, 1});
  write_bytes(folder / "a.png", Png{.color_type = 4, .rows = {7, 0}}.bytes());
  CHECK(load_images(folder / "a.png", p)->at(0).has(Note::transparency_dropped));
  write_bytes(folder / "b.png", Png{.bit_depth = 16, .color_type = 0, .rows = {200, 0}}.bytes());
  CHECK(load_images(folder / "b.png", p)->at(0).has(Note::cut_to_8_bits));
  write_bytes(folder / "c.png", Png{.bit_depth = 16, .color_type = 0, .rows = {7, 0}}.bytes());
  CHECK(load_images(folder / "c.png", p)->at(0).has(Note::low_bits_only));
}

TEST_CASE("the TF Encrypted article's array is read as it is, an array of two meanings takes a layout") {
  const tensor::Shape size{200, 200, 3};
  const auto seed = load_images("model/zoo/images/skin_cancer_image.npy", *Preprocessing::preset("imagenet", size));
  REQUIRE_MESSAGE(seed.has_value(), (seed ? "" : seed.error().what));
  CHECK(seed->at(0).values.size() == size.elements());
  const TemporaryFolder folder;
  const auto small = *Preprocessing::preset("raw", {2, 1, 2});
  write_bytes(folder / "c.npy", npy("<f4", "(2, 2)", floats({1, 2, 3, 4})));
  CHECK(contains(refusal(folder / "c.npy", small), "c.npy"));
  CHECK(contains(refusal(folder / "c.npy", small), "--array-layout"));
  CHECK(load_images(folder / "c.npy", small, ArrayLayout::hwc)->at(0).values == std::vector<float>{1, 2, 3, 4});
  CHECK(load_images(folder / "c.npy", small, ArrayLayout::chw)->at(0).values == std::vector<float>{1, 3, 2, 4});
}

TEST_CASE("the zoo's photographs are read, resized to the network and said to be") {
  const auto found = find_images("model/zoo/images");
  REQUIRE(found.has_value());
  const auto p = *Preprocessing::preset("imagenet", {200, 200, 3});
  std::size_t photographs = 0;
  for (const auto& file : found->files) {
    const auto images = load_images(file, p);
    REQUIRE_MESSAGE(images.has_value(), (images ? "" : images.error().what));
    CHECK(images->size() == 1);
    CHECK(images->at(0).values.size() == 200 * 200 * 3);
    if (file.extension() != ".jpg") continue;
    ++photographs;
    CHECK(images->at(0).has(Note::resized));
    CHECK(images->at(0).file_width == 256);
  }
  CHECK(photographs == 8);
  CHECK(find_images("model/zoo/calibration")->files.size() >= 64);
}

TEST_CASE("a folder gives its pictures, counts what it leaves out and hides nothing that is named like a picture") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "deep/er");
  std::filesystem::create_directories(folder / ".hidden");
  write_bytes(folder / "deep/er/a.JPG", tiny.bytes());
  write_bytes(folder / "b", tiny.bytes());
  write_text(folder / "broken.png", "II*....");
  write_text(folder / "empty.npy", "");
  write_text(folder / "notes.txt", "a table");
  write_bytes(folder / "scan.tif", Bytes{'I', 'I', '*', 0, 8, 0, 0, 0});
  write_bytes(folder / "scan2.tif", Bytes{'M', 'M', 0, '*', 0, 0, 0, 8});
  write_text(folder / "nothing", "");
  std::filesystem::create_directories(folder / "@eaDir/a.jpg");
  std::filesystem::create_directories(folder / "__MACOSX");
  for (const char* stray : {"._a.jpg", ".DS_Store", "Thumbs.db", "Desktop.ini", ".hidden/x.png",
                            "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/a.jpg"})
    write_bytes(folder / stray, tiny.bytes());
  std::filesystem::create_directory_symlink(folder.path(), folder / "deep/loop");
  std::filesystem::create_symlink(folder / "self", folder / "self");
  std::filesystem::create_symlink(folder / "b", folder / "link.png");
  ::mkfifo((folder / "pipe").c_str(), 0600);

  const auto found = find_images(folder.path());
  REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().what));
  const std::vector<std::filesystem::path> expected = {folder / "b", folder / "broken.png", folder / "deep/er/a.JPG",
                                                       folder / "empty.npy", folder / "link.png"};
  CHECK(found->files == expected);
  CHECK(std::ranges::is_sorted(found->files));
  CHECK(found->hidden == 7);
  const std::map<std::string, std::size_t> left_out = {
      {"TIFF", 2}, {"text", 1}, {"empty file", 1}, {"broken link", 1}, {"special file", 1}, {"link to a folder", 1}};
  CHECK(found->left_out == left_out);
  CHECK(found->problems.empty());

  // A file that is named is tried, whatever it is.
  CHECK(find_images(folder / "scan.tif")->files == std::vector<std::filesystem::path>{folder / "scan.tif"});
  CHECK_FALSE(find_images(folder / "gone").has_value());
  CHECK(find_images(folder / ".hidden")->files.size() == 1);
}

TEST_CASE("a folder that cannot be read is named, and the others are read") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "shut");
  write_bytes(folder / "a.png", tiny.bytes());
  ::chmod((folder / "shut").c_str(), 0);
  const auto found = find_images(folder.path());
  ::chmod((folder / "shut").c_str(), 0700);
  REQUIRE(found.has_value());
  CHECK(found->files.size() == 1);
  // Whoever may read everything (root) has no such folder.
  if (::geteuid() != 0) {
    REQUIRE(found->problems.size() == 1);
    CHECK(contains(found->problems[0], "shut"));
  }
}
