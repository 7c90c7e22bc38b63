#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wshadow"
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 16384
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

#include <memory>

#include "model/image/formats.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

Result<Pixels> decode_picture(std::span<const std::uint8_t> bytes, std::size_t channels) {
  constexpr int largest_side = STBI_MAX_DIMENSIONS;
  constexpr long largest_area = 1L << 26;
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, in_file = 0;
  if (bytes.empty()) return fail("the file is empty");
  if (stbi_info_from_memory(bytes.data(), size, &width, &height, &in_file) == 0)
    return fail("it is neither a JPEG nor a PNG image");
  if (width <= 0 || height <= 0 || width > largest_side || height > largest_side ||
      static_cast<long>(width) * height > largest_area)
    return fail("it claims " + std::to_string(width) + "×" + std::to_string(height) +
                " pixels; supported are at most " + std::to_string(largest_area) + " pixels and " +
                std::to_string(largest_side) + " a side");
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes.data(), size, &width, &height, &in_file, static_cast<int>(channels)),
      stbi_image_free);
  if (pixels == nullptr) return fail(std::string("the image is damaged or cut short (") + stbi_failure_reason() + ")");
  Pixels out{{static_cast<std::size_t>(height), static_cast<std::size_t>(width), channels}, {}};
  out.values.assign(pixels.get(), pixels.get() + out.size.elements());
  return out;
}

}  // namespace blindsight::model
