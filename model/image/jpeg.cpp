#include <cstddef>
#include <cstdio>
// jpeglib.h wants size_t and FILE before it.
#include <jpeglib.h>
// Codes of the library's warnings.
#include <jerror.h>

#include <csetjmp>

#include "model/image/formats.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

namespace {

/// A progressive file of few bytes can ask for very many passes over the whole picture.
constexpr int most_scans = 200;

struct Handler {
  jpeg_error_mgr library;  // first: the library hands out a pointer to it
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void give_up(j_common_ptr decoder) {
  auto* handler = reinterpret_cast<Handler*>(decoder->err);
  decoder->err->format_message(decoder, handler->message);
  std::longjmp(handler->back, 1);
}

/// The library goes on after damage and paints grey: for us every warning but stray bytes between markers is an error.
void warn(j_common_ptr decoder, int level) {
  if (level < 0 && decoder->err->msg_code != JWRN_EXTRANEOUS_DATA) give_up(decoder);
}

void count_scans(j_common_ptr decoder) {
  if (reinterpret_cast<j_decompress_ptr>(decoder)->input_scan_number <= most_scans) return;
  decoder->err->msg_code = JERR_BAD_PROGRESSION;
  give_up(decoder);
}

/// Reads into `out`; false after an error. Nothing in here needs a destructor: errors jump out of the library.
bool decode(jpeg_decompress_struct& decoder, Handler& handler, std::span<const std::uint8_t> bytes, Pixels& out,
            std::vector<std::uint8_t>& line) {
  if (setjmp(handler.back) != 0) return false;
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, bytes.data(), bytes.size());
  jpeg_read_header(&decoder, TRUE);
  out.size.height = decoder.image_height;
  out.size.width = decoder.image_width;
  if (!picture_size_is_sane(out.size.height, out.size.width)) return true;
  decoder.out_color_space = out.size.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_progress_mgr progress{};
  progress.progress_monitor = count_scans;
  decoder.progress = &progress;
  jpeg_start_decompress(&decoder);
  out.values.resize(out.size.elements());
  line.resize(out.size.row_elements());
  while (decoder.output_scanline < decoder.output_height) {
    const std::size_t y = decoder.output_scanline;
    JSAMPROW row = line.data();
    jpeg_read_scanlines(&decoder, &row, 1);
    for (std::size_t i = 0; i < line.size(); ++i) out.values[y * line.size() + i] = line[i];
  }
  jpeg_finish_decompress(&decoder);
  return true;
}

}  // namespace

Result<Pixels> decode_jpeg(std::span<const std::uint8_t> bytes, std::size_t channels) {
  jpeg_decompress_struct decoder{};
  Handler handler{};
  decoder.err = jpeg_std_error(&handler.library);
  handler.library.error_exit = give_up;
  handler.library.emit_message = warn;
  handler.library.output_message = [](j_common_ptr) {};
  Pixels out{{0, 0, channels}, {}};
  std::vector<std::uint8_t> line;
  const bool read = decode(decoder, handler, bytes, out, line);
  jpeg_destroy_decompress(&decoder);
  if (!read) return fail(std::string("the image is damaged or cut short (") + handler.message + ")");
  if (out.values.empty()) return fail(absurd_picture_size(out.size.height, out.size.width));
  return out;
}

}  // namespace blindsight::model
