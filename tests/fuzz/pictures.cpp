// What people give as images: JPEG, PNG, NumPy and IDX files, as they stand, read for a small color and a small grey
// network. Reproducers are files that `blindsight predict` reads.
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "model/image/image.h"
#include "tests/fuzz/property.h"
#include "tests/support/temporary_folder.h"

namespace blindsight::fuzz {
namespace {

constexpr std::array<std::uint8_t, 8> png_mark{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

bool starts_with(std::span<const std::uint8_t> bytes, std::string_view mark) {
  return bytes.size() >= mark.size() && std::memcmp(bytes.data(), mark.data(), mark.size()) == 0;
}

/// A name as such a file has it.
const char* name_of(std::span<const std::uint8_t> bytes) {
  if (starts_with(bytes, "\x93NUMPY")) return "image.npy";
  if (starts_with(bytes, std::string_view("\0\0\x08\x03", 4))) return "images.idx3-ubyte";
  return starts_with(bytes, "\x89PNG") ? "image.png" : "image.jpg";
}

void write_file(const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void read(const std::filesystem::path& file, const model::Preprocessing& preprocessing) {
  const auto images = model::load_images(file, preprocessing);
  if (!images) return refusal_is_readable(images.error().what);
  property(!images->empty(), "a file that was read holds an image");
  for (const auto& image : *images) {
    property(image.values.size() == preprocessing.size.elements(), "an image has the network's size");
    property(std::all_of(image.values.begin(), image.values.end(), [](float v) { return std::isfinite(v); }),
             "an image holds numbers");
  }
}

/// Checksums of PNG's chunks as they should be: without that nearly every change would end at the first of them.
void mend_checksums(std::span<std::uint8_t> png) {
  std::size_t at = png_mark.size();
  while (at + 12 <= png.size()) {
    const std::size_t length =
        std::size_t{png[at]} << 24 | std::size_t{png[at + 1]} << 16 | std::size_t{png[at + 2]} << 8 | png[at + 3];
    if (length > png.size() - at - 12) return;
    const auto sum = crc32(0, png.data() + at + 4, static_cast<uInt>(length + 4));
    for (unsigned i = 0; i < 4; ++i) png[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += length + 12;
  }
}

}  // namespace
}  // namespace blindsight::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindsight;
  static const tests::TemporaryFolder folder;
  static const auto color = *model::Preprocessing::preset("imagenet", {6, 7, 3});
  static const auto grey = *model::Preprocessing::preset("raw", {5, 4, 1});
  const auto file = folder / fuzz::name_of({data, size});
  fuzz::write_file(file, {data, size});
  fuzz::read(file, color);
  fuzz::read(file, grey);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  const bool as_it_is = seed % 8 == 0;
  if (!as_it_is && blindsight::fuzz::starts_with({data, size}, "\x89PNG"))
    blindsight::fuzz::mend_checksums({data, size});
  return size;
}
