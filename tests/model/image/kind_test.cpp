#include <doctest/doctest.h>

#include <string>

#include "model/image/formats.h"

using namespace blindsight::model;
using namespace std::string_literals;

namespace {

FileKind kind(const std::string& head) {
  return kind_of({reinterpret_cast<const std::uint8_t*>(head.data()), head.size()});
}

std::string at(std::size_t place, const std::string& mark) {
  return std::string(place, '\0') + mark + std::string(8, '\0');
}

}  // namespace

TEST_CASE("what is read is told by its first bytes") {
  CHECK(kind("\x89PNG\r\n\x1a\n").kind == Kind::png);
  CHECK(kind("\xff\xd8\xff\xe0").kind == Kind::jpeg);
  CHECK(kind("\xff\xd8\xff\xf7").kind == Kind::jpeg);  // JPEG-LS: its decoder names it
  CHECK(kind("\x93NUMPY\1\0"s).kind == Kind::npy);
  CHECK(kind("\0\0\x08\x03\0\0\0\1"s).kind == Kind::idx);
}

TEST_CASE("a PNG as an iPhone's programs have it is none, and named") {
  const auto found = kind("\x89PNG\r\n\x1a\n\0\0\0\4CgBI\x50\0\x20\2"s);
  CHECK(found.kind == Kind::other);
  CHECK(why_not_read(found).find("CgBI") != std::string::npos);
}

TEST_CASE("every other kind is named, with what to do") {
  const std::pair<std::string, const char*> cases[] = {
      {"RIFF\x10\0\0\0WEBPVP8 "s, "WebP"},
      {"RIFF\x10\0\0\0WAVEfmt "s, "RIFF"},
      {"II*\0\x08\0\0\0"s, "TIFF"},
      {"MM\0*\0\0\0\x08"s, "TIFF"},
      {"II+\0\x08\0\0\0"s, "BigTIFF"},
      {at(128, "DICM"), "DICOM"},
      {"\x02\0\0\0UL\4\0"s, "DICOM"},
      {at(344, "n+1\0"s), "NIfTI"},
      {"\0\0\0\x18"
       "ftypheic\0\0\0\0"s,
       "HEIC/HEIF"},
      {"\0\0\0\x18"
       "ftypmif1\0\0\0\0"s,
       "HEIC/HEIF"},
      {"\0\0\0\x18"
       "ftypavif\0\0\0\0"s,
       "AVIF"},
      {"\0\0\0\x18"
       "ftypmp42\0\0\0\0"s,
       "MP4 or QuickTime"},
      {"GIF89a\1\0\1\0"s, "GIF"},
      {"BM\x46\0\0\0\0\0\0\0\x36\0\0\0"s, "BMP"},
      {"\0\0\0\x0cjP  \r\n\x87\n"s, "JPEG 2000"},
      {"\xff\x4f\xff\x51\0"s, "JPEG 2000"},
      {"\0\0\0\x0cJXL \r\n\x87\n"s, "JPEG XL"},
      {"\xff\x0a\1\2"s, "JPEG XL"},
      {"<?xml version=\"1.0\"?>\n<svg xmlns="s, "SVG"},
      {"\n <!DOCTYPE html><html>"s, "HTML"},
      {"\xef\xbb\xbf<?xml version=\"1.0\"?><data>"s, "XML"},
      {"%PDF-1.7\n"s, "PDF"},
      {"PK\3\4"s + std::string(22, '\0') + "\5\0\0\0x.npyxx"s, "NumPy .npz"},
      {"PK\3\4"s + std::string(22, '\0') + "\5\0\0\0a.dcmxx"s, "ZIP"},
      {"\x1f\x8b\x08\0"s, "gzip"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"s, "git-lfs pointer"},
      {"\0\0\x08\1\0\0\0\1"s, "IDX of labels or other numbers"},
      {"P5\n3 3\n255\n"s, "PNM"},
      {"\0\5\x16\7\0\2\0\0"s, "AppleDouble"},
      {"Bmi of patients, a table\n"s, "text"},
      {"name,label\na.png,1\n"s, "text"},
      {""s, "empty file"},
      {"\1\2\3\4\5"s, "unknown kind"},
  };
  for (const auto& [head, name] : cases) {
    CAPTURE(name);
    const auto found = kind(head);
    CHECK_FALSE(is_read(found.kind));
    CHECK(found.name == name);
    CHECK(why_not_read(found).size() > 20);
    // No beginning of it is taken for something that is read, nor reads outside of itself.
    for (std::size_t cut = 0; cut < head.size(); ++cut) CHECK_FALSE(is_read(kind(head.substr(0, cut)).kind));
  }
  CHECK(why_not_read(kind("version https://git-lfs.github.com/spec/v1\n")).find("git lfs pull") != std::string::npos);
  CHECK(why_not_read(kind("II*\0\0\0"s)).find("convert") != std::string::npos);
}
