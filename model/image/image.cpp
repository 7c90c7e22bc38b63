#include "model/image/image.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "model/graph/graph.h"
#include "model/image/formats.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;
using tensor::Shape;

namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 28;

Result<std::vector<std::uint8_t>> read_file(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) return fail("cannot read it: " + error.message());
  if (size > largest_file)
    return fail("it has " + std::to_string(size) + " bytes; supported are at most " + std::to_string(largest_file));
  std::vector<std::uint8_t> bytes(size);
  std::ifstream in(file, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
    return fail("cannot read it");
  return bytes;
}

std::string text(const Shape& s) {
  return std::to_string(s.height) + "×" + std::to_string(s.width) + "×" + std::to_string(s.channels);
}

enum class Format { unknown, picture, npy, idx };

Format format_of(const std::filesystem::path& file) {
  std::string end = file.extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (end == ".jpg" || end == ".jpeg" || end == ".png") return Format::picture;
  if (end == ".npy") return Format::npy;
  if (end == ".idx3-ubyte" || file.filename().string().ends_with("-idx3-ubyte")) return Format::idx;
  return Format::unknown;
}

/// Pixels of any size as the network reads them.
Image preprocess(Pixels pixels, const Preprocessing& p, std::string name) {
  Image image{std::move(name), {}, pixels.size.height, pixels.size.width, false};
  if (pixels.size.height != p.size.height || pixels.size.width != p.size.width) {
    pixels = resize(pixels, p.size.height, p.size.width);
    image.resized = true;
  }
  image.values = std::move(pixels.values);
  const std::size_t channels = p.size.channels;
  for (std::size_t i = 0; i < image.values.size(); ++i)
    image.values[i] = (image.values[i] * p.scale - p.mean[i % channels]) / p.deviation[i % channels];
  return image;
}

Result<Image> from_array(Array array, const Shape& size, std::string name) {
  auto dims = array.dims;
  if (dims.size() == 4 && dims[0] == 1) dims.erase(dims.begin());
  if (dims.size() == 2 && size.channels == 1) dims.push_back(1);
  Image image{std::move(name), {}, size.height, size.width, false};
  for (const float v : array.values)
    if (!std::isfinite(v)) return fail("it has values that are no finite numbers");
  if (dims == std::vector<std::size_t>{size.height, size.width, size.channels}) {
    image.values = std::move(array.values);
    return image;
  }
  if (dims == std::vector<std::size_t>{size.channels, size.height, size.width}) {
    image.values.resize(array.values.size());
    for (std::size_t c = 0; c < size.channels; ++c)
      for (std::size_t i = 0; i < size.height * size.width; ++i)
        image.values[i * size.channels + c] = array.values[c * size.height * size.width + i];
    return image;
  }
  std::vector<std::int64_t> has(array.dims.begin(), array.dims.end());
  return fail("its shape is " + describe(has) + "; the network reads height×width×channels " + text(size) +
              " (an array is taken as preprocessed already and is not resized)");
}

}  // namespace

std::optional<Preprocessing> Preprocessing::preset(std::string_view name, const Shape& size) {
  if (name == "raw")
    return Preprocessing{size, 1, std::vector<float>(size.channels, 0), std::vector<float>(size.channels, 1)};
  if (name == "imagenet" && size.channels == 3)
    return Preprocessing{size, 1.0F / 255, {0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}};
  return std::nullopt;
}

Result<std::vector<Image>> load_images(const std::filesystem::path& file, const Preprocessing& p) {
  const std::string name = file.filename().string();
  auto refuse = [&](const std::string& why) { return fail("image " + in_quotes(file.string()) + ": " + why); };
  const Format format = format_of(file);
  if (format == Format::unknown) return refuse("its name ends with none of .jpg, .jpeg, .png, .npy and .idx3-ubyte");
  if (format == Format::picture && p.size.channels != 1 && p.size.channels != 3)
    return refuse("the network reads " + std::to_string(p.size.channels) + " channels; a picture has 1 or 3");
  auto bytes = read_file(file);
  if (!bytes) return refuse(bytes.error().what);
  std::vector<Image> images;
  if (format == Format::picture) {
    auto pixels = decode_picture(*bytes, p.size.channels);
    if (!pixels) return refuse(pixels.error().what);
    images.push_back(preprocess(std::move(*pixels), p, name));
  } else if (format == Format::npy) {
    auto array = decode_npy(*bytes);
    if (!array) return refuse(array.error().what);
    auto image = from_array(std::move(*array), p.size, name);
    if (!image) return refuse(image.error().what);
    images.push_back(std::move(*image));
  } else {
    auto all = decode_idx(*bytes);
    if (!all) return refuse(all.error().what);
    if (p.size.channels != 1)
      return refuse("it holds grey images; the network reads " + std::to_string(p.size.channels) + " channels");
    for (std::size_t i = 0; i < all->size(); ++i)
      images.push_back(preprocess(std::move((*all)[i]), p, name + "#" + std::to_string(i)));
  }
  return images;
}

Result<std::vector<std::filesystem::path>> find_images(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) return std::vector{path};
  std::vector<std::filesystem::path> files;
  for (auto it = std::filesystem::recursive_directory_iterator(path, error);
       !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error))
    if (it->is_regular_file(error) && format_of(it->path()) != Format::unknown) files.push_back(it->path());
  if (error) return fail("cannot read " + in_quotes(path.string()) + ": " + error.message());
  std::sort(files.begin(), files.end());
  if (files.empty()) return fail(in_quotes(path.string()) + " holds no image (.jpg, .jpeg, .png, .npy or .idx3-ubyte)");
  return files;
}

}  // namespace blindsight::model
