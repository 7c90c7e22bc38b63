#include <png.h>
#include <zlib.h>

#include <array>
#include <csetjmp>
#include <cstring>

#include "model/fault.h"
#include "model/image/formats.h"

namespace blindsight::model {

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

/// The bytes that the checksum of the last chunk lacks, where that one is of pixels, and whole but for them: a file
/// cut there has all of its picture. Empty otherwise.
std::vector<std::uint8_t> missing_checksum(std::span<const std::uint8_t> bytes) {
  std::size_t at = signature_bytes;
  while (next_chunk(bytes, at)) continue;
  constexpr std::size_t checksum_bytes = 4, head = chunk_frame_bytes - checksum_bytes;
  if (at > bytes.size() || bytes.size() - at < head) return {};
  const auto last = bytes.subspan(at);
  std::vector<std::uint8_t> completed(last.begin(), last.end());
  completed.resize(last.size() + checksum_bytes);
  std::size_t end = 0;
  const auto chunk = next_chunk(completed, end);
  if (!chunk || chunk->type != "IDAT") return {};
  const auto checksum = crc32(0, last.data() + 4, static_cast<uInt>(4 + chunk->content.size()));
  std::vector<std::uint8_t> missing;
  for (std::size_t i = last.size() - head - chunk->content.size(); i < checksum_bytes; ++i)
    missing.push_back(static_cast<std::uint8_t>(checksum >> 8 * (checksum_bytes - 1 - i)));
  return missing;
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
  std::vector<std::array<std::uint8_t, 4>> palette;  ///< RGBA; then a sample is an index of it
  bool palette_has_alpha = false;

  explicit Reading(std::span<const std::uint8_t> bytes) {
    source.bytes = bytes;
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, give_up, [](png_structp, png_const_charp) {});
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~Reading() { png_destroy_read_struct(&png, &info, nullptr); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
};

void take_palette(Reading& r) {
  png_colorp colors = nullptr;
  png_bytep alphas = nullptr;
  int count = 0, with_alpha = 0;
  png_get_PLTE(r.png, r.info, &colors, &count);
  png_get_tRNS(r.png, r.info, &alphas, &with_alpha, nullptr);
  for (int i = 0; i < count; ++i)
    r.palette.push_back({colors[i].red, colors[i].green, colors[i].blue,
                         i < with_alpha && alphas != nullptr ? alphas[i] : std::uint8_t{255}});
  r.palette_has_alpha = alphas != nullptr && with_alpha > 0;
}

/// Colours in the place of indices; the index that the palette does not have, if there is one.
std::optional<std::uint8_t> expand_palette(Reading& r) {
  const std::size_t channels = r.palette_has_alpha ? 4 : 3;
  std::vector<std::uint8_t> samples;
  samples.reserve(r.samples.size() * channels);
  for (const std::uint8_t index : r.samples) {
    if (index >= r.palette.size()) return index;
    samples.insert(samples.end(), r.palette[index].begin(),
                   r.palette[index].begin() + static_cast<std::ptrdiff_t>(channels));
  }
  r.samples = std::move(samples);
  r.channels = channels;
  return std::nullopt;
}

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
  if (png_get_color_type(r.png, r.info) == PNG_COLOR_TYPE_PALETTE) {
    // The library would take an index beyond the palette for black.
    png_set_packing(r.png);
    take_palette(r);
  } else {
    png_set_expand(r.png);  // 1 to 4 bits, transparent colours
  }
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
  if (const auto missing = missing_checksum(bytes); !missing.empty()) {
    std::vector<std::uint8_t> whole(bytes.begin(), bytes.end());
    whole.insert(whole.end(), missing.begin(), missing.end());
    return decode_png(whole, channels);
  }
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
  if (!reading.palette.empty())
    if (const auto beyond = expand_palette(reading))
      return fail("the PNG image is damaged (it has the colour " + std::to_string(*beyond) + " of a palette of " +
                  std::to_string(reading.palette.size()) + ", counted from 0)");
  Pixels out{{reading.height, reading.width, channels}, {}, notes_on(reading), around.orientation};
  out.samples = to_channels(std::move(reading.samples), reading.channels, channels);
  return out;
}

}  // namespace blindsight::model
