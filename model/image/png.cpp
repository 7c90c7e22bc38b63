#include <png.h>

#include "model/image/formats.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

namespace {

/// Frees what the library keeps, whatever happens.
struct Reader {
  png_image image{};
  ~Reader() { png_image_free(&image); }
};

}  // namespace

Result<Pixels> decode_png(std::span<const std::uint8_t> bytes, std::size_t channels) {
  Reader reader;
  png_image& image = reader.image;
  image.version = PNG_IMAGE_VERSION;
  auto damaged = [&] { return fail(std::string("the image is damaged or cut short (") + image.message + ")"); };
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) return damaged();
  if (!picture_size_is_sane(image.height, image.width)) return fail(absurd_picture_size(image.height, image.width));
  const bool color = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  image.format = color ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const std::size_t in_file = color ? 3 : 1;
  std::vector<std::uint8_t> samples(PNG_IMAGE_SIZE(image));
  const png_color white{255, 255, 255};  // behind transparent parts, as viewers show them
  if (png_image_finish_read(&image, &white, samples.data(), 0, nullptr) == 0) return damaged();
  // The library goes on after a wrong checksum.
  if (PNG_IMAGE_FAILED(image) || image.warning_or_error != 0) return damaged();
  Pixels out{{image.height, image.width, channels}, {}};
  out.values.reserve(out.size.elements());
  for (std::size_t i = 0; i < samples.size(); i += in_file) {
    const std::uint8_t* p = samples.data() + i;
    if (channels == in_file)
      out.values.insert(out.values.end(), p, p + in_file);
    else if (color)  // brightness as JPEG and PIL weigh it
      out.values.push_back(static_cast<float>((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000));
    else
      out.values.insert(out.values.end(), channels, static_cast<float>(p[0]));
  }
  return out;
}

}  // namespace blindsight::model
