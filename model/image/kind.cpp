#include <algorithm>
#include <cctype>

#include "model/image/formats.h"

namespace blindsight::model {
namespace {

using namespace std::string_view_literals;

constexpr auto convert = "convert it to PNG"sv, convert_medical = "convert it to PNG (8 bits) or to a NumPy array"sv,
               unpack = "unpack it"sv, not_a_picture = ""sv;

/// A kind by the bytes at one place.
struct Mark {
  std::size_t at;
  std::string_view bytes;
  Kind kind;
  std::string_view name, advice;
};

/// The first that fits: those with more bytes stand before those with fewer.
constexpr Mark marks[] = {
    {12, "CgBI"sv, Kind::other, "CgBI (a PNG as it lies in an iPhone's programs)"sv, "convert it to an ordinary PNG"sv},
    {0, "\x89PNG\r\n\x1a\n"sv, Kind::png, "PNG"sv, ""sv},
    {0, "\xff\xd8\xff"sv, Kind::jpeg, "JPEG"sv, ""sv},
    {0, "\x93NUMPY"sv, Kind::npy, "NumPy array"sv, ""sv},
    {0, "\0\0\x08\x03"sv, Kind::idx, "IDX"sv, ""sv},
    {128, "DICM"sv, Kind::other, "DICOM"sv, convert_medical},
    {0, "\x02\0\0\0UL"sv, Kind::other, "DICOM"sv, convert_medical},
    {0, "\x08\0\x05\0CS"sv, Kind::other, "DICOM"sv, convert_medical},
    {0, "II*\0"sv, Kind::other, "TIFF"sv, convert_medical},
    {0, "MM\0*"sv, Kind::other, "TIFF"sv, convert_medical},
    {0, "II+\0"sv, Kind::other, "BigTIFF"sv, convert_medical},
    {0, "MM\0+"sv, Kind::other, "BigTIFF"sv, convert_medical},
    {344, "n+1\0"sv, Kind::other, "NIfTI"sv, convert_medical},
    {344, "ni1\0"sv, Kind::other, "NIfTI"sv, convert_medical},
    {0, "NRRD0"sv, Kind::other, "NRRD"sv, convert_medical},
    {0, "ObjectType ="sv, Kind::other, "MetaImage"sv, convert_medical},
    {0, "\x89HDF\r\n\x1a\n"sv, Kind::other, "HDF5"sv, "take the array out of it: numpy.save"sv},
    {0, "MATLAB 5.0"sv, Kind::other, "MATLAB"sv, "take the array out of it: numpy.save"sv},
    {0, "SIMPLE  ="sv, Kind::other, "FITS"sv, convert_medical},
    {0, "GIF87a"sv, Kind::other, "GIF"sv, convert},
    {0, "GIF89a"sv, Kind::other, "GIF"sv, convert},
    {0, "\0\0\0\x0cjP  "sv, Kind::other, "JPEG 2000"sv, convert},
    {0, "\xff\x4f\xff\x51"sv, Kind::other, "JPEG 2000"sv, convert},
    {0, "\0\0\0\x0cJXL "sv, Kind::other, "JPEG XL"sv, convert},
    {0, "\xff\x0a"sv, Kind::other, "JPEG XL"sv, convert},
    {0, "\x8aMNG\r\n\x1a\n"sv, Kind::other, "MNG"sv, convert},
    {0, "\x8bJNG\r\n\x1a\n"sv, Kind::other, "JNG"sv, convert},
    {0, "8BPS"sv, Kind::other, "Photoshop"sv, convert},
    {0, "v/1\x01"sv, Kind::other, "OpenEXR"sv, convert},
    {0, "#?RADIANCE"sv, Kind::other, "Radiance HDR"sv, convert},
    {0, "\0\0\x01\0"sv, Kind::other, "ICO"sv, convert},
    {0, "DDS "sv, Kind::other, "DDS"sv, convert},
    {0, "%PDF-"sv, Kind::other, "PDF"sv, "take the picture out of it"sv},
    {0, "PK\x03\x04"sv, Kind::other, "ZIP"sv, unpack},
    {0, "PK\x05\x06"sv, Kind::other, "ZIP"sv, not_a_picture},
    {0, "\x1f\x8b"sv, Kind::other, "gzip"sv, "unpack it: gunzip"sv},
    {0, "BZh"sv, Kind::other, "bzip2"sv, "unpack it: bunzip2"sv},
    {0, "\xfd\x37zXZ\0"sv, Kind::other, "xz"sv, "unpack it: unxz"sv},
    {0, "\x28\xb5\x2f\xfd"sv, Kind::other, "zstd"sv, "unpack it: unzstd"sv},
    {0, "7z\xbc\xaf\x27\x1c"sv, Kind::other, "7z"sv, unpack},
    {0, "Rar!\x1a\x07"sv, Kind::other, "RAR"sv, unpack},
    {257, "ustar"sv, Kind::other, "tar"sv, "unpack it: tar -xf"sv},
    {0, "\0\x05\x16\x07"sv, Kind::other, "AppleDouble"sv, "it lies beside the picture itself, which is another file"sv},
    {0, "version https://git-lfs"sv, Kind::other, "git-lfs pointer"sv, "run `git lfs pull` to get the file itself"sv},
};

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

FileKind other(std::string_view name, std::string_view advice) {
  return {Kind::other, std::string(name), std::string(advice)};
}

/// Brands of the container that HEIC, AVIF and films share.
FileKind of_brand(std::string_view brand) {
  if (brand == "avif" || brand == "avis") return other("AVIF", convert);
  for (const auto heif : {"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "mif1"sv, "msf1"sv, "miaf"sv})
    if (brand == heif) return other("HEIC/HEIF", convert);
  return other("MP4 or QuickTime", "take pictures out of the film");
}

FileKind of_riff(std::string_view form) {
  return form == "WEBP" ? other("WebP", convert) : other("RIFF", not_a_picture);
}

/// A .npz file is a ZIP archive of arrays.
bool holds_arrays(std::string_view zip) {
  constexpr std::size_t name_at = 30;
  if (zip.size() < name_at) return false;
  const std::size_t length = static_cast<unsigned char>(zip[26]) | std::size_t{static_cast<unsigned char>(zip[27])}
                                                                       << 8;
  return zip.substr(name_at, length).ends_with(".npy");
}

bool is_text(std::string_view head) {
  return std::ranges::none_of(head, [](unsigned char c) { return c < 0x20 && std::isspace(c) == 0 && c != 0x1b; });
}

FileKind of_text(std::string_view head) {
  std::string text;
  for (const unsigned char c : head) text += static_cast<char>(std::tolower(c));
  const auto start = text.find_first_not_of("\xef\xbb\xbf \t\r\n");
  if (start == std::string::npos || text[start] != '<') return other("text", not_a_picture);
  if (text.find("<svg") != std::string::npos) return other("SVG", convert);
  if (text.find("<!doctype html") != std::string::npos || text.find("<html") != std::string::npos)
    return other("HTML", "a web page came instead of the picture: download it again");
  return other("XML", not_a_picture);
}

/// "BM", the file's size, four zeros.
bool is_bmp(std::string_view head) {
  return head.size() >= 10 && head.starts_with("BM") && head.substr(6, 4) == "\0\0\0\0"sv;
}

/// "P1" to "P7" and white space.
bool is_pnm(std::string_view head) {
  return head.size() >= 3 && head[0] == 'P' && head[1] >= '1' && head[1] <= '7' &&
         std::isspace(static_cast<unsigned char>(head[2])) != 0;
}

/// Two zeros, a type, the number of dimensions: what is no unsigned bytes in three of them.
bool is_other_idx(std::string_view head) {
  return head.size() >= 8 && head.starts_with("\0\0"sv) &&
         "\x08\x09\x0b\x0c\x0d\x0e"sv.find(head[2]) != std::string_view::npos && head[3] >= 1 && head[3] <= 4;
}

}  // namespace

FileKind kind_of(std::span<const std::uint8_t> bytes) {
  const auto head = text_of(bytes);
  if (head.empty()) return {Kind::empty, "empty file", "copy or download it again"};
  for (const auto& mark : marks) {
    if (head.size() < mark.at || !head.substr(mark.at).starts_with(mark.bytes)) continue;
    if (mark.name == "ZIP" && holds_arrays(head)) return other("NumPy .npz", "save the one array with numpy.save");
    return {mark.kind, std::string(mark.name), std::string(mark.advice)};
  }
  if (head.size() >= 12 && head.substr(4, 4) == "ftyp") return of_brand(head.substr(8, 4));
  if (head.size() >= 12 && head.starts_with("RIFF")) return of_riff(head.substr(8, 4));
  if (is_bmp(head)) return other("BMP", convert);
  if (is_pnm(head)) return other("PNM", convert);
  if (is_other_idx(head))
    return other("IDX of labels or other numbers", "images are unsigned bytes in three dimensions");
  if (is_text(head)) return of_text(head);
  return {Kind::unknown, "unknown kind", std::string(not_a_picture)};
}

std::string why_not_read(const FileKind& kind) {
  const std::string read = "JPEG, PNG, NumPy arrays (.npy) and IDX images are read";
  std::string text = kind.kind == Kind::unknown ? "it is of an unknown kind"
                     : kind.kind == Kind::empty ? "it is empty"
                                                : "by its first bytes it is of the kind " + kind.name + " (not read)";
  if (!kind.advice.empty()) text += ": " + kind.advice;
  return kind.advice.empty() ? text + "; " + read : text;
}

}  // namespace blindsight::model
