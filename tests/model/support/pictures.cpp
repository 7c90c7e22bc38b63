#include "tests/model/support/pictures.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
// jpeglib.h wants size_t and FILE before it.
#include <jpeglib.h>

namespace blindsight::model::test {

void write_bytes(const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

Bytes Jpeg::bytes() const {
  jpeg_compress_struct encoder{};
  jpeg_error_mgr errors{};
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &memory, &size);
  encoder.image_width = static_cast<JDIMENSION>(width);
  encoder.image_height = static_cast<JDIMENSION>(height);
  const std::size_t channels = colors == Colors::grey ? 1 : colors == Colors::cmyk ? 4 : 3;
  encoder.input_components = static_cast<int>(channels);
  encoder.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&encoder);
  if (colors == Colors::rgb) jpeg_set_colorspace(&encoder, JCS_RGB);
  jpeg_set_quality(&encoder, 95, TRUE);
  encoder.arith_code = arithmetic ? TRUE : FALSE;
  if (progressive) jpeg_simple_progression(&encoder);
  jpeg_scan_info scans[3] = {{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  if (scan_for_each_component) {
    encoder.scan_info = scans;
    encoder.num_scans = 3;
  }
  jpeg_start_compress(&encoder, TRUE);
  if (!exif.empty()) {
    Bytes marker = {'E', 'x', 'i', 'f', 0, 0};
    tests::append(marker, exif);
    jpeg_write_marker(&encoder, JPEG_APP0 + 1, marker.data(), static_cast<unsigned>(marker.size()));
  }
  Bytes line(width * channels);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t i = 0; i < line.size(); ++i)
      line[i] = samples.empty() ? static_cast<std::uint8_t>(40 + 3 * y + 2 * (i / channels) + 30 * (i % channels))
                                : samples[y * line.size() + i];
    JSAMPROW row = line.data();
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  Bytes all(memory, memory + size);
  std::free(memory);
  return all;
}

Bytes npy(const std::string& type, const std::string& shape, const Bytes& content, bool fortran, unsigned version) {
  const std::string quoted = type.starts_with('[') ? type : "'" + type + "'";
  std::string header =
      "{'descr': " + quoted + ", 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
  const std::size_t prefix = version == 1 ? 10 : 12;
  while ((prefix + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  Bytes all = {0x93, 'N', 'U', 'M', 'P', 'Y', static_cast<std::uint8_t>(version), 0};
  for (std::size_t i = 0; i < prefix - 8; ++i) all.push_back(static_cast<std::uint8_t>(header.size() >> 8 * i & 255));
  tests::append(all, header);
  tests::append(all, content);
  return all;
}

Bytes floats(const std::vector<float>& values) {
  Bytes all(values.size() * sizeof(float));
  if (!all.empty()) std::memcpy(all.data(), values.data(), all.size());
  return all;
}

}  // namespace blindsight::model::test
