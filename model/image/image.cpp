#include "model/image/image.h"

#include <algorithm>
#include <cctype>

#include "model/fault.h"
#include "model/files/files.h"
#include "model/graph/graph.h"
#include "model/image/formats.h"

namespace blindsight::model {

using protocol::Result;
using tensor::Shape;

namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 28;

/// Pixels of any size as the network reads them.
Image preprocess(Pixels pixels, const Preprocessing& p, std::string name) {
  if (p.orientation == Orientation::exif)
    pixels = upright(std::move(pixels));
  else if (pixels.orientation != 1)
    pixels.notes.push_back(Note::orientation_ignored);
  Image image{std::move(name), {}, pixels.size.height, pixels.size.width, std::move(pixels.notes)};
  if (pixels.size.height != p.size.height || pixels.size.width != p.size.width) {
    image.values = resize(pixels, p.size.height, p.size.width);
    image.notes.push_back(Note::resized);
  } else {
    image.values.assign(pixels.samples.begin(), pixels.samples.end());
  }
  const std::size_t channels = p.size.channels;
  for (std::size_t i = 0; i < image.values.size(); ++i)
    image.values[i] = (image.values[i] * p.scale - p.mean[i % channels]) / p.deviation[i % channels];
  return image;
}

/// The images of a file's bytes; the error does not name the file.
Result<std::vector<Image>> decode(std::span<const std::uint8_t> bytes, Kind kind, const Preprocessing& p,
                                  ArrayLayout layout, const std::string& name) {
  std::vector<Image> images;
  const std::string channels = "the network reads " + std::to_string(p.size.channels) + " channels";
  if (kind == Kind::npy) {
    auto array = decode_npy(bytes);
    if (!array) return fail(array.error().what);
    auto values = fit_array(std::move(*array), p.size, layout);
    if (!values) return fail(values.error().what);
    images.push_back({name, std::move(*values), p.size.height, p.size.width, {}});
  } else if (kind == Kind::idx) {
    auto all = decode_idx(bytes);
    if (!all) return fail(all.error().what);
    if (p.size.channels != 1) return fail("it holds grey images; " + channels);
    for (std::size_t i = 0; i < all->size(); ++i)
      images.push_back(preprocess(std::move((*all)[i]), p, all->size() > 1 ? name + "#" + std::to_string(i) : name));
  } else {
    if (p.size.channels != 1 && p.size.channels != 3) return fail(channels + "; a picture has 1 or 3");
    auto pixels = decode_picture(bytes, p.size.channels);
    if (!pixels) return fail(pixels.error().what);
    images.push_back(preprocess(std::move(*pixels), p, name));
  }
  return images;
}

std::string lower_case_name(const std::filesystem::path& file) {
  std::string name = file.filename().string();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

/// Whether a name promises a picture or an array.
bool named_like_image(const std::filesystem::path& file) {
  const std::string name = lower_case_name(file);
  for (const char* end : {".jpg", ".jpeg", ".png", ".npy", ".idx3-ubyte", "-idx3-ubyte"})
    if (name.ends_with(end)) return true;
  return false;
}

/// Hidden, or put there by a file manager, a network drive or an archive of one.
bool is_stray(const std::filesystem::path& file) {
  const std::string name = lower_case_name(file);
  return name.starts_with('.') || name == "thumbs.db" || name == "ehthumbs.db" || name == "desktop.ini" ||
         name == "icon\r" || name == "@eadir" || name == "__macosx";
}

void look_into(const std::filesystem::path& folder, FoundImages& found);

void look_at(const std::filesystem::directory_entry& entry, FoundImages& found) {
  const auto& path = entry.path();
  std::error_code error;
  if (is_stray(path)) {
    ++found.hidden;
  } else if (entry.is_directory(error)) {
    if (entry.is_symlink(error))
      ++found.left_out["link to a folder"];
    else
      look_into(path, found);
  } else if (named_like_image(path)) {
    found.files.push_back(path);
  } else if (!entry.is_regular_file(error)) {
    ++found.left_out[entry.is_symlink(error) ? "broken link" : "special file"];
  } else {
    const auto head = read_start(path, "image", head_bytes);
    const auto kind = head ? kind_of(*head) : FileKind{};
    // What cannot be read is kept: reading it says why.
    if (head && !is_read(kind.kind))
      ++found.left_out[kind.name];
    else
      found.files.push_back(path);
  }
}

void look_into(const std::filesystem::path& folder, FoundImages& found) {
  std::error_code error;
  auto it = std::filesystem::directory_iterator(folder, error);
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) look_at(*it, found);
  if (error) found.problems.push_back("cannot read the folder " + in_quotes(folder.string()) + ": " + error.message());
}

}  // namespace

std::optional<Preprocessing> Preprocessing::preset(std::string_view name, const Shape& size) {
  if (name == "raw")
    return Preprocessing{size, 1, std::vector<float>(size.channels, 0), std::vector<float>(size.channels, 1)};
  if (name == "imagenet" && size.channels == 3)
    return Preprocessing{size, 1.0F / 255, {0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}};
  return std::nullopt;
}

bool Image::has(Note note) const {
  return std::ranges::find(notes, note) != notes.end();
}

Result<std::vector<Image>> load_images(const std::filesystem::path& file, const Preprocessing& p, ArrayLayout layout) {
  auto refuse = [&](const std::string& why) { return fail("image " + in_quotes(file.string()) + ": " + why); };
  const auto head = read_start(file, "image", head_bytes);
  if (!head) return fail(head.error().what);
  const auto kind = kind_of(*head);
  if (!is_read(kind.kind)) return refuse(why_not_read(kind));
  const auto bytes = read_file(file, "image", largest_file);
  if (!bytes) return fail(bytes.error().what);
  auto images = decode(*bytes, kind.kind, p, layout, file.string());
  if (!images) return refuse(images.error().what);
  return images;
}

Result<FoundImages> find_images(const std::filesystem::path& path) {
  std::error_code error;
  FoundImages found;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    return fail("there is no file " + in_quotes(path.string()));
  if (error) return fail("cannot read " + in_quotes(path.string()) + ": " + error.message());
  if (status.type() != std::filesystem::file_type::directory) {
    found.files.push_back(path);
    return found;
  }
  look_into(path, found);
  std::sort(found.files.begin(), found.files.end());
  return found;
}

}  // namespace blindsight::model
