#include <png.h>

#include <csetjmp>
#include <cstring>

#include "model/image/formats.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

namespace {

/// 16-bit samples below 2^14 use their low bits only, as 10-, 12- and 14-bit data does: after the cut below this.
constexpr std::uint8_t dark_after_cut = 64;
/// Deflate makes at most so many bytes of one.
constexpr std::uint64_t most_inflation = 1032;
constexpr std::size_t signature_bytes = 8, chunk_frame_bytes = 12;

/// What the library's callbacks share. Errors jump out of the library, so that nothing between setjmp and the jump may
/// need a destructor.
struct Source {
  std::span<const std::uint8_t> bytes;
  std::size_t at = 0;
  bool ran_out = false;
  std::jmp_buf back{};
  char message[96] = {};
};

[[noreturn]] void give_up(png_structp png, png_const_charp message) {
  auto& source = *static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source.message, message, sizeof source.message - 1);
  std::longjmp(source.back, 1);
}

void read_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto& source = *static_cast<Source*>(png_get_io_ptr(png));
  if (count > source.bytes.size() - source.at) {
    source.ran_out = true;
    png_error(png, "it ends too early");
  }
  std::memcpy(to, source.bytes.data() + source.at, count);
  source.at += count;
}

/// A chunk of a file, its content only.
struct Chunk {
  std::string_view type;
  std::span<const std::uint8_t> content;
};

/// The chunk at `at`, which moves behind it; nothing where none is whole.
std::optional<Chunk> next_chunk(std::span<const std::uint8_t> bytes, std::size_t& at) {
  if (at > bytes.size() || bytes.size() - at < chunk_frame_bytes) return std::nullopt;
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | bytes[at + i];
  if (length > bytes.size() - at - chunk_frame_bytes) return std::nullopt;
  const Chunk chunk{{reinterpret_cast<const char*>(bytes.data()) + at + 4, 4}, bytes.subspan(at + 8, length)};
  at += chunk_frame_bytes + length;
  return chunk;
}

/// What the library is not asked for.
struct Around {
  unsigned orientation = 1;
  bool ends_behind_pixels = false;  ///< the last whole chunk is one of pixels: only the end mark may be missing
};

Around look_around(std::span<const std::uint8_t> bytes) {
  Around around;
  std::size_t at = signature_bytes;
  while (const auto chunk = next_chunk(bytes, at)) {
    if (chunk->type == "eXIf" && around.orientation == 1) around.orientation = exif_orientation(chunk->content);
    around.ends_behind_pixels = chunk->type == "IDAT" || (around.ends_behind_pixels && chunk->type != "IEND");
  }
  return around;
}

/// One picture while it is read.
struct Reading {
  Source source;
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::size_t height = 0, width = 0, channels = 0;
  unsigned bit_depth = 0;
  bool sane = false, too_short = false, whole = false;
  std::vector<std::uint8_t> samples;  ///< `channels` a pixel: grey or RGB, with alpha behind when there is any
  std::vector<png_bytep> rows;

  explicit Reading(std::span<const std::uint8_t> bytes) {
    source.bytes = bytes;
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, give_up, [](png_structp, png_const_charp) {});
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~Reading() { png_destroy_read_struct(&png, &info, nullptr); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
};

/// Reads into `r.samples`; false after an error.
bool read(Reading& r) {
  if (setjmp(r.source.back) != 0) return false;
  png_set_read_fn(r.png, &r.source, read_bytes);
  png_set_benign_errors(r.png, 1);
  // Sizes are judged below; the library's own bound would come with a worse message.
  png_set_user_limits(r.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  // Chunks that are not needed cannot refuse a picture, nor change it: gamma, profiles, texts, times.
  png_set_keep_unknown_chunks(r.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(r.png, r.info);
  r.height = png_get_image_height(r.png, r.info);
  r.width = png_get_image_width(r.png, r.info);
  r.bit_depth = png_get_bit_depth(r.png, r.info);
  r.sane = picture_size_is_sane(r.height, r.width);
  r.too_short = png_get_rowbytes(r.png, r.info) * r.height / most_inflation > r.source.bytes.size();
  if (!r.sane || r.too_short) return true;
  png_set_expand(r.png);  // palettes, 1 to 4 bits, transparent colours
  png_set_strip_16(r.png);
  png_set_interlace_handling(r.png);
  png_read_update_info(r.png, r.info);
  r.channels = png_get_channels(r.png, r.info);
  r.samples.resize(r.height * r.width * r.channels);
  r.rows.resize(r.height);
  for (std::size_t y = 0; y < r.height; ++y) r.rows[y] = r.samples.data() + y * r.width * r.channels;
  png_read_image(r.png, r.rows.data());
  r.whole = true;
  png_read_end(r.png, nullptr);
  return true;
}

std::vector<Note> notes_on(const Reading& r) {
  const bool alpha = r.channels == 2 || r.channels == 4;
  bool opaque = true;
  std::uint8_t brightest = 0;
  for (std::size_t i = 0; i < r.samples.size(); i += r.channels) {
    const std::size_t colors = alpha ? r.channels - 1 : r.channels;
    for (std::size_t c = 0; c < colors; ++c) brightest = std::max(brightest, r.samples[i + c]);
    if (alpha) opaque = opaque && r.samples[i + colors] == 255;
  }
  std::vector<Note> notes;
  if (!opaque) notes.push_back(Note::transparency_dropped);
  if (r.bit_depth == 16) notes.push_back(brightest < dark_after_cut ? Note::low_bits_only : Note::cut_to_8_bits);
  return notes;
}

}  // namespace

Result<Pixels> decode_png(std::span<const std::uint8_t> bytes, std::size_t channels) {
  Reading reading(bytes);
  if (reading.info == nullptr) return fail("there is no memory to read it");
  const Around around = look_around(bytes);
  const bool read_to_end = read(reading);
  const bool only_end_missing = reading.whole && reading.source.ran_out && around.ends_behind_pixels;
  if (!read_to_end && !only_end_missing)
    return fail(std::string("the PNG image is damaged or cut short (") + reading.source.message + ")");
  if (!reading.sane) return fail(absurd_picture_size(reading.height, reading.width));
  if (reading.too_short)
    return fail("the PNG image is damaged or cut short (it claims " + std::to_string(reading.height) + "×" +
                std::to_string(reading.width) + " pixels, its " + std::to_string(bytes.size()) +
                " bytes cannot hold them)");
  Pixels out{{reading.height, reading.width, channels}, {}, notes_on(reading), around.orientation};
  out.samples = to_channels(std::move(reading.samples), reading.channels, channels);
  return out;
}

}  // namespace blindsight::model
