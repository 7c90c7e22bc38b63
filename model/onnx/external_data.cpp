#include "model/onnx/external_data.h"

#include <charconv>
#include <fstream>

#include "model/fault.h"
#include "model/graph/graph.h"

namespace blindsight::model {

using protocol::Result;

namespace {

/// A decimal number, nothing else.
bool parse(const std::string& text, std::uint64_t& value) {
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && last == end;
}

}  // namespace

Result<ExternalData::File*> ExternalData::find(const std::string& location) {
  if (const auto known = files_.find(location); known != files_.end()) return &known->second;
  const auto refuse = [&](const std::string& why) {
    return fail("keeps its data in the file " + in_quotes(location) + why);
  };
  const std::filesystem::path name(location);
  if (location.empty() || location.find_first_of(std::string("/\\\0", 3)) != std::string::npos || location == "." ||
      location == ".." || name.is_absolute() || name.filename() != name)
    return refuse(", which leaves the model's folder: supported is the plain name of a file beside the model");
  if (folder_.empty()) return refuse(", and a model that comes without a folder has no file beside it");
  std::error_code error;
  const auto folder = std::filesystem::canonical(folder_, error);
  const auto file = error ? std::filesystem::path{} : std::filesystem::canonical(folder / name, error);
  if (error) return refuse(", which cannot be read beside the model (" + error.message() + "): copy both together");
  if (file.parent_path() != folder)
    return refuse(", which is a link out of the model's folder: copy the file itself beside the model");
  if (!std::filesystem::is_regular_file(file, error)) return refuse(", which is no regular file");
  const auto size = std::filesystem::file_size(file, error);
  if (error) return refuse(", which cannot be read: " + error.message());
  return &files_.emplace(location, File{file, size, 0}).first->second;
}

std::vector<std::string> ExternalData::paths() const {
  std::vector<std::string> all;
  for (const auto& [location, file] : files_) all.push_back(file.path.string());
  return all;
}

Result<std::vector<std::uint8_t>> ExternalData::read(const std::map<std::string, std::string>& entries,
                                                     std::uint64_t bytes) {
  std::string location;
  std::uint64_t offset = 0, length = bytes;
  for (const auto& [key, value] : entries) {
    if (key == "location") location = value;
    if ((key == "offset" && !parse(value, offset)) || (key == "length" && !parse(value, length)))
      return fail("has the " + key + " " + in_quotes(value) + " of its external data, which is no number");
  }
  if (length != bytes)
    return fail("asks for " + std::to_string(bytes) + " bytes by its shape and type, its external data has " +
                std::to_string(length) + ": the file is damaged, export it again");
  auto file = find(location);
  if (!file) return fail(file.error().what);
  File& f = **file;
  if (offset > f.size || bytes > f.size - offset)
    return fail("keeps bytes " + std::to_string(offset) + " to " + std::to_string(offset) + " + " +
                std::to_string(bytes) + " of the file " + in_quotes(location) + ", which has " +
                std::to_string(f.size) + ": it is cut short, or belongs to another model");
  // One tensor may lie in another's bytes in an honest file only where both are the same weights.
  f.read += bytes;
  if (f.read > 4 * f.size)
    return fail("and others before it read the same bytes of the file " + in_quotes(location) +
                " again and again: the file is damaged, export it again");
  std::vector<std::uint8_t> data(bytes);
  std::ifstream in(f.path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  if (!in.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(bytes)))
    return fail("keeps its data in the file " + in_quotes(location) + ", which cannot be read");
  return data;
}

}  // namespace blindsight::model
