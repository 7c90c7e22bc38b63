#include "model/image/image.h"

#include <doctest/doctest.h>

#include <fstream>
#include <random>

#include "model/image/formats.h"
#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

void write(const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::vector<std::uint8_t> npy(const std::string& shape, const std::vector<float>& values,
                              const std::string& type = "<f4") {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string all = "\x93NUMPY";
  all += '\1';
  all += '\0';
  all += static_cast<char>(header.size() & 255);
  all += static_cast<char>(header.size() >> 8);
  all += header;
  all.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return {all.begin(), all.end()};
}

/// 2×2 RGB: red, green / blue, white.
const std::vector<std::uint8_t> tiny_png = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x02, 0x00, 0x00, 0x00, 0x02, 0x08, 0x02, 0x00, 0x00, 0x00, 0xfd, 0xd4, 0x9a, 0x73, 0x00, 0x00, 0x00, 0x12, 0x49,
    0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xc0, 0x00, 0xc2, 0x0c, 0xff, 0x81, 0x00, 0x00, 0x1f, 0xee,
    0x05, 0xfb, 0x0b, 0xd9, 0x68, 0x8b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

const std::filesystem::path seed_image = "model/zoo/images/skin_cancer_image.npy";

}  // namespace

TEST_CASE("a PNG is read, preprocessed and kept in row, column, channel order") {
  const TemporaryFolder folder;
  write(folder / "tiny.png", tiny_png);
  const auto raw = load_images(folder / "tiny.png", *Preprocessing::preset("raw", {2, 2, 3}));
  REQUIRE_MESSAGE(raw.has_value(), (raw ? "" : raw.error().what));
  CHECK(raw->at(0).values == std::vector<float>{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255});
  CHECK_FALSE(raw->at(0).resized);
  CHECK(raw->at(0).name == "tiny.png");
  const auto normal = load_images(folder / "tiny.png", *Preprocessing::preset("imagenet", {2, 2, 3}));
  CHECK(normal->at(0).values[0] == doctest::Approx((1 - 0.485) / 0.229));
  CHECK(normal->at(0).values[1] == doctest::Approx(-0.456 / 0.224));
  CHECK(normal->at(0).values[2] == doctest::Approx(-0.406 / 0.225));
  const auto larger = load_images(folder / "tiny.png", *Preprocessing::preset("raw", {4, 4, 3}));
  CHECK(larger->at(0).resized);
  CHECK(larger->at(0).file_height == 2);
  CHECK_FALSE(Preprocessing::preset("imagenet", {2, 2, 1}).has_value());
  CHECK_FALSE(Preprocessing::preset("nothing", {2, 2, 3}).has_value());
}

TEST_CASE("shrinking is antialiased with a triangle, as PIL does it") {
  const Pixels line{{1, 4, 1}, {0, 1, 2, 3}};
  const auto half = resize(line, 1, 2);
  // Center 1, reach 2: pixels 0, 1, 2 weigh 3, 3, 1; and mirrored.
  CHECK(half.values[0] == doctest::Approx((0 * 3 + 1 * 3 + 2 * 1) / 7.0));
  CHECK(half.values[1] == doctest::Approx((1 * 1 + 2 * 3 + 3 * 3) / 7.0));
  CHECK(resize(line, 1, 4).values == line.values);
  const auto twice = resize({{1, 2, 1}, {0, 4}}, 1, 4);
  CHECK(twice.values == std::vector<float>{0, 1, 3, 4});
  const auto flat = resize({{7, 5, 2}, std::vector<float>(70, 3)}, 3, 11);
  for (const float v : flat.values) CHECK(v == doctest::Approx(3));
  // Rows as columns.
  const auto column = resize({{4, 1, 1}, {0, 1, 2, 3}}, 2, 1);
  for (std::size_t i = 0; i < 2; ++i) CHECK(column.values[i] == doctest::Approx(half.values[i]));
}

TEST_CASE("the seed's array is read as it is; other layouts are turned, other shapes refused") {
  const tensor::Shape size{200, 200, 3};
  const auto p = *Preprocessing::preset("imagenet", size);
  const auto seed = load_images(seed_image, p);
  REQUIRE_MESSAGE(seed.has_value(), (seed ? "" : seed.error().what));
  CHECK(seed->at(0).values.size() == size.elements());
  const TemporaryFolder folder;
  const auto small = *Preprocessing::preset("raw", {2, 1, 2});
  write(folder / "a.npy", npy("(1, 2, 2, 1)", {1, 2, 3, 4}));  // channels first: two channels of 2×1
  CHECK(load_images(folder / "a.npy", small)->at(0).values == std::vector<float>{1, 3, 2, 4});
  write(folder / "b.npy", npy("(2, 1, 2)", {1, 2, 3, 4}));
  CHECK(load_images(folder / "b.npy", small)->at(0).values == std::vector<float>{1, 2, 3, 4});
  write(folder / "c.npy", npy("(2, 2)", {1, 2, 3, 4}));
  CHECK(load_images(folder / "c.npy", *Preprocessing::preset("raw", {2, 2, 1}))->at(0).values ==
        std::vector<float>{1, 2, 3, 4});
  const auto wrong = load_images(folder / "c.npy", small);
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().what.find("c.npy") != std::string::npos);
  CHECK(wrong.error().what.find("2×2") != std::string::npos);
}

TEST_CASE("damaged arrays are refused with what is wrong") {
  const std::pair<std::vector<std::uint8_t>, const char*> cases[] = {
      {npy("(2, 2)", {1, 2, 3}), "asks for 4 values"},   {npy("(2, 2)", {1, 2, 3, 4}, "<f8"), "float32"},
      {npy("(99999999999999999999, 2)", {1}), "absurd"}, {npy("(0, 2)", {}), "absurd"},
      {npy("2, 2", {1, 2, 3, 4}), "no shape"},
  };
  for (const auto& [bytes, word] : cases) {
    const auto array = decode_npy(bytes);
    REQUIRE_FALSE(array.has_value());
    CAPTURE(array.error().what);
    CHECK(array.error().what.find(word) != std::string::npos);
  }
  const auto whole = npy("(2, 2)", {1, 2, 3, 4});
  for (std::size_t cut = 0; cut < whole.size(); ++cut) CHECK_FALSE(decode_npy(std::span(whole).first(cut)).has_value());
  const TemporaryFolder folder;
  write(folder / "nan.npy", npy("(1, 1)", {std::nanf("")}));
  CHECK_FALSE(load_images(folder / "nan.npy", *Preprocessing::preset("raw", {1, 1, 1})).has_value());
}

TEST_CASE("pictures that are none, cut short or damaged are refused or read, never more") {
  const TemporaryFolder folder;
  const auto p = *Preprocessing::preset("raw", {2, 2, 3});
  const std::string text = "no picture";
  write(folder / "text.jpg", std::vector<std::uint8_t>(text.begin(), text.end()));
  const auto none = load_images(folder / "text.jpg", p);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().what.find("neither a JPEG nor a PNG") != std::string::npos);
  CHECK(none.error().what.find("text.jpg") != std::string::npos);
  write(folder / "empty.png", {});
  CHECK_FALSE(load_images(folder / "empty.png", p).has_value());
  CHECK_FALSE(load_images(folder / "gone.png", p).has_value());
  CHECK_FALSE(load_images(folder / "some.gif", p).has_value());
  for (std::size_t cut = 0; cut < 60 && cut < tiny_png.size(); ++cut)
    CHECK_FALSE(decode_picture(std::span(tiny_png).first(cut), 3).has_value());
  auto huge = tiny_png;
  huge[16] = huge[20] = 0x7f;  // width and height
  CHECK_FALSE(decode_picture(huge, 3).has_value());
  std::mt19937 generator(5);
  for (int i = 0; i < 3000; ++i) {
    auto hurt = tiny_png;
    hurt[generator() % hurt.size()] = static_cast<std::uint8_t>(generator());
    const auto pixels = decode_picture(hurt, 3);
    if (pixels) CHECK(pixels->values.size() == pixels->size.elements());
  }
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
    if (pixels) CHECK(pixels->values.size() == pixels->size.elements());
    (pixels ? read : refused) += 1;
  }
  CHECK(read > 0);
  CHECK(refused > 0);
}

TEST_CASE("the zoo's photographs are read, resized to the network and said to be") {
  const auto files = find_images("model/zoo/images");
  REQUIRE(files.has_value());
  const auto p = *Preprocessing::preset("imagenet", {200, 200, 3});
  std::size_t photographs = 0;
  for (const auto& file : *files) {
    const auto images = load_images(file, p);
    REQUIRE_MESSAGE(images.has_value(), (images ? "" : images.error().what));
    CHECK(images->size() == 1);
    CHECK(images->at(0).values.size() == 200 * 200 * 3);
    if (file.extension() != ".jpg") continue;
    ++photographs;
    CHECK(images->at(0).resized);
    CHECK(images->at(0).file_width == 256);
    const auto bytes = file_bytes(file);
    CHECK_FALSE(decode_picture(std::span(bytes).first(300), 3).has_value());
  }
  CHECK(photographs == 8);
  CHECK(find_images("model/zoo/calibration")->size() >= 64);
  const auto nothing = find_images("model/onnx");
  REQUIRE_FALSE(nothing.has_value());
  CHECK(nothing.error().what.find("holds no image") != std::string::npos);
}

TEST_CASE("an IDX file gives its images one by one, or is refused when its sizes lie") {
  CHECK(digits().size() == 100);
  CHECK(digits()[7].name == "mnist-100.idx3-ubyte#7");
  auto bytes = file_bytes("model/zoo/mnist-100.idx3-ubyte");
  CHECK_FALSE(decode_idx(std::span(bytes).first(bytes.size() - 1)).has_value());
  CHECK_FALSE(decode_idx(std::span(bytes).first(10)).has_value());
  for (const std::size_t at : {2U, 3U, 5U, 9U, 13U}) {
    auto lie = bytes;
    lie[at] = 0xff;
    CHECK_FALSE(decode_idx(lie).has_value());
  }
  CHECK_FALSE(load_images("model/zoo/mnist-100.idx3-ubyte", *Preprocessing::preset("raw", {28, 28, 3})).has_value());
}
