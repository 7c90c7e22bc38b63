#include <cstddef>
#include <cstdio>
// jpeglib.h wants size_t and FILE before it.
#include <jpeglib.h>
// Codes of the library's warnings and errors.
#include <jerror.h>

#include <csetjmp>

#include "model/fault.h"
#include "model/image/formats.h"

namespace blindsight::model {

using protocol::Result;

namespace {

/// A progressive file of few bytes can ask for very many passes over the whole picture.
constexpr int most_scans = 200;
/// EXIF stands in the first of the application's segments.
constexpr int exif_marker = JPEG_APP0 + 1;
constexpr unsigned longest_segment = 0xffff;
constexpr std::size_t block_side = 8;
/// What a header can claim; the library does not say which of its numbers was beyond its own bound.
constexpr std::size_t largest_claim = 65535;

struct Handler {
  jpeg_error_mgr library;  // first: the library hands out a pointer to it
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
  bool end_missing = false;      ///< there is no end marker
  unsigned components_seen = 0;  ///< a bit for each that a scan held
};

Handler& handler_of(j_common_ptr decoder) {
  return *reinterpret_cast<Handler*>(decoder->err);
}

[[noreturn]] void give_up(j_common_ptr decoder) {
  auto& handler = handler_of(decoder);
  decoder->err->format_message(decoder, handler.message);
  std::longjmp(handler.back, 1);
}

/// The library goes on after damage and paints grey: for us every warning is an error but those about a header that
/// changes nothing, and a missing end marker; what is missing before it comes with a warning of its own, or is found
/// by all_is_there.
void warn(j_common_ptr decoder, int level) {
  if (level >= 0) return;
  switch (decoder->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM:
    case JWRN_NOT_SEQUENTIAL:
      return;
    case JWRN_JPEG_EOF:
      handler_of(decoder).end_missing = true;
      return;
    default:
      give_up(decoder);
  }
}

/// Called again and again while scans are read.
void watch_scans(j_common_ptr common) {
  auto* decoder = reinterpret_cast<j_decompress_ptr>(common);
  for (int i = 0; i < decoder->comps_in_scan; ++i)
    handler_of(common).components_seen |= 1U << decoder->cur_comp_info[i]->component_index;
  if (decoder->input_scan_number <= most_scans) return;
  decoder->err->msg_code = JERR_BAD_PROGRESSION;
  give_up(common);
}

/// Whether the scans of a file brought every bit of every coefficient, as far as one can tell without its end. While
/// the library still has the picture: jpeg_finish_decompress() frees what this reads.
bool coefficients_are_there(const jpeg_decompress_struct& decoder) {
  // Without restart of its coder, arithmetic code that ends early reads as zeros and without a warning.
  if (decoder.arith_code) return false;
  if (decoder.progressive_mode && decoder.coef_bits == nullptr) return false;
  for (int c = 0; decoder.progressive_mode && c < decoder.num_components; ++c)
    for (int k = 0; k < DCTSIZE2; ++k)
      if (decoder.coef_bits[c][k] != 0) return false;
  return true;
}

/// What the header says, before memory is taken for pixels.
struct Header {
  std::size_t height = 0, width = 0;
  J_COLOR_SPACE colors = JCS_UNKNOWN;
  int components = 0;
  bool too_short = false;

  bool readable() const {
    return picture_size_is_sane(height, width) && !too_short &&
           (colors == JCS_GRAYSCALE || colors == JCS_RGB || colors == JCS_YCbCr);
  }
};

/// Reads into `out` what the header lets be read; false after an error. Nothing in here needs a destructor: errors jump
/// out of the library.
bool decode(jpeg_decompress_struct& decoder, Handler& handler, std::span<const std::uint8_t> bytes, Header& header,
            Pixels& out) {
  if (setjmp(handler.back) != 0) return false;
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, bytes.data(), bytes.size());
  jpeg_save_markers(&decoder, exif_marker, longest_segment);
  jpeg_read_header(&decoder, TRUE);
  header.height = decoder.image_height;
  header.width = decoder.image_width;
  header.colors = decoder.jpeg_color_space;
  header.components = decoder.num_components;
  // Huffman code takes a bit at least for each block of a component in full size.
  header.too_short = !decoder.arith_code && header.height / block_side * (header.width / block_side) / 8 > bytes.size();
  if (!header.readable()) return true;
  for (const auto* m = decoder.marker_list; m != nullptr && out.orientation == 1; m = m->next)
    out.orientation = exif_orientation({m->data, m->data_length});
  // Colour becomes grey behind the library, as with every other format.
  out.size.channels = header.colors == JCS_GRAYSCALE ? 1 : 3;
  decoder.out_color_space = out.size.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_progress_mgr progress{};
  progress.progress_monitor = watch_scans;
  decoder.progress = &progress;
  jpeg_start_decompress(&decoder);
  out.size.height = header.height;
  out.size.width = header.width;
  out.samples.resize(out.size.elements());
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = out.samples.data() + decoder.output_scanline * out.size.row_elements();
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  watch_scans(reinterpret_cast<j_common_ptr>(&decoder));
  const bool complete = coefficients_are_there(decoder);
  const bool every_component = handler.components_seen + 1 == 1U << decoder.num_components;
  jpeg_finish_decompress(&decoder);
  // Nothing but the end mark may be missing.
  if (every_component && (complete || !handler.end_missing)) return true;
  decoder.err->msg_code = JERR_INPUT_EOF;
  give_up(reinterpret_cast<j_common_ptr>(&decoder));
}

std::string kind_of_frame(int marker) {
  switch (marker) {
    case 0xc3:
    case 0xcb:
      return "a lossless JPEG (SOF" + std::to_string(marker - 0xc0) + "), as DICOM files hold it";
    case 0xc5:
    case 0xc6:
    case 0xc7:
    case 0xcd:
    case 0xce:
    case 0xcf:
      return "a hierarchical JPEG (SOF" + std::to_string(marker - 0xc0) + ")";
    default:
      return "a JPEG of an unknown process";
  }
}

std::string kind_of_marker(int marker) {
  if (marker == 0xf7) return "a JPEG-LS image, as DICOM files hold it";
  if (marker == 0xde || marker == 0xdf) return "a hierarchical JPEG";
  return {};
}

/// Names what the library does not read for what it is; nothing else is called damaged.
std::string why(const Handler& handler) {
  const std::string convert = ": convert it to an ordinary (baseline) JPEG or to PNG";
  const int detail = handler.library.msg_parm.i[0];
  switch (handler.library.msg_code) {
    case JERR_SOF_UNSUPPORTED:
      return "it is " + kind_of_frame(detail) + convert;
    case JERR_UNKNOWN_MARKER:
      if (const auto kind = kind_of_marker(detail); !kind.empty()) return "it is " + kind + convert;
      break;
    case JERR_BAD_PRECISION:
      return "it is a JPEG of " + std::to_string(detail) + " bits a sample: convert it to 8 bits";
    case JERR_EMPTY_IMAGE:
      return "it is a JPEG whose header states no size (it comes later, by DNL)" + convert;
    case JERR_IMAGE_TOO_BIG:
      return absurd_picture_size(largest_claim, largest_claim);
    case JERR_ARITH_NOTIMPL:
      return "it is a JPEG with arithmetic coding" + convert;
    default:
      break;
  }
  return std::string("the JPEG image is damaged or cut short (") + handler.message + ")";
}

std::string why_unreadable(const Header& header) {
  if (!picture_size_is_sane(header.height, header.width)) return absurd_picture_size(header.height, header.width);
  if (header.too_short)
    return "the JPEG image is damaged or cut short (it claims " + std::to_string(header.height) + "×" +
           std::to_string(header.width) + " pixels, its bytes cannot hold them)";
  if (header.colors == JCS_CMYK || header.colors == JCS_YCCK)
    return std::string("its colours are ") + (header.colors == JCS_CMYK ? "CMYK" : "YCCK (CMYK)") +
           ", made for print: convert it to RGB";
  return "it has " + std::to_string(header.components) +
         " colour components of unknown meaning: convert it to RGB or to grey";
}

}  // namespace

Result<Pixels> decode_jpeg(std::span<const std::uint8_t> bytes, std::size_t channels) {
  jpeg_decompress_struct decoder{};
  Handler handler{};
  decoder.err = jpeg_std_error(&handler.library);
  handler.library.error_exit = give_up;
  handler.library.emit_message = warn;
  handler.library.output_message = [](j_common_ptr) {};
  Pixels out{{}, {}, {}};
  Header header;
  const bool read = decode(decoder, handler, bytes, header, out);
  jpeg_destroy_decompress(&decoder);
  if (!read) return fail(why(handler));
  if (!header.readable()) return fail(why_unreadable(header));
  out.samples = to_channels(std::move(out.samples), out.size.channels, channels);
  out.size.channels = channels;
  return out;
}

}  // namespace blindsight::model
