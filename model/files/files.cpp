#include "model/files/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>

#include "model/fault.h"
#include "protocol/core/text.h"

namespace blindsight::model {

namespace fs = std::filesystem;
using protocol::in_quotes;
using protocol::Result;

namespace {

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

tl::unexpected<protocol::Error> refuse(const fs::path& file, const std::string& what, const std::string& why) {
  return fail("cannot write the " + what + " " + in_quotes(file.string()) + ": " + why);
}

bool write_all(int descriptor, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

Result<void> write_device(const fs::path& file, const std::string& what, std::span<const std::uint8_t> bytes) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  const bool written = descriptor >= 0 && write_all(descriptor, bytes);
  const int why = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!written) return refuse(file, what, std::strerror(why));
  return {};
}

/// So many of an ordinary file's bytes as `wanted` says of its size.
template <class Wanted>
Result<std::vector<std::uint8_t>> read_bytes(const fs::path& file, const std::string& what, Wanted wanted) {
  auto refuse_read = [&](const std::string& why) {
    return fail("cannot read the " + what + " " + in_quotes(file.string()) + ": " + why);
  };
  std::error_code error;
  const auto status = fs::status(file, error);
  if (error) return refuse_read(error.message());
  if (!fs::is_regular_file(status)) return refuse_read("it is no ordinary file");
  const auto there = fs::file_size(file, error);
  if (error) return refuse_read(error.message());
  const Result<std::uintmax_t> size = wanted(there);
  if (!size) return refuse_read(size.error().what);
  std::vector<std::uint8_t> bytes(*size);
  errno = 0;
  // Without a buffer of its own, in which a key would stay behind.
  std::ifstream in;
  in.rdbuf()->pubsetbuf(nullptr, 0);
  in.open(file, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(*size)))
    return refuse_read(errno != 0 ? std::strerror(errno) : "it became shorter while it was read");
  return bytes;
}

/// A new file beside `file`, under a name of its own so that nothing that lies there is touched; its rights are `mode`
/// as far as the umask leaves them. -1 and errno when there can be none.
int open_beside(const fs::path& file, unsigned mode, fs::path& beside) {
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::array<char, 32> name{};
    std::snprintf(name.data(), name.size(), ".blindsight-%08x%08x", random(), random());
    beside = folder_of(file) / name.data();
    const int descriptor = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

/// Writes a new file beside `file` and returns its name.
Result<fs::path> write_beside(const fs::path& file, const std::string& what, std::span<const std::uint8_t> bytes,
                              unsigned mode) {
  fs::path beside;
  const int descriptor = open_beside(file, mode, beside);
  if (descriptor < 0) return refuse(file, what, std::strerror(errno));
  const bool complete = write_all(descriptor, bytes);
  int why = errno;
  const bool closed = ::close(descriptor) == 0;
  if (complete && closed) return beside;
  if (complete) why = errno;
  ::unlink(beside.c_str());
  return refuse(file, what, std::strerror(why));
}

Result<void> put_in_place(const fs::path& beside, const fs::path& file, const std::string& what) {
  if (::rename(beside.c_str(), file.c_str()) == 0) return {};
  const int why = errno;
  ::unlink(beside.c_str());
  return refuse(file, what, std::strerror(why));
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Result<std::vector<std::uint8_t>> read_file(const fs::path& file, const std::string& what, std::uintmax_t largest) {
  return read_bytes(file, what, [&](std::uintmax_t size) -> Result<std::uintmax_t> {
    if (size <= largest) return size;
    return fail("it has " + std::to_string(size) + " bytes; at most " + std::to_string(largest) + " are supported");
  });
}

Result<std::vector<std::uint8_t>> read_start(const fs::path& file, const std::string& what, std::size_t most) {
  return read_bytes(
      file, what, [&](std::uintmax_t size) -> Result<std::uintmax_t> { return std::min<std::uintmax_t>(size, most); });
}

bool is_device(const fs::path& file) {
  std::error_code none;
  const auto status = fs::status(file, none);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

Result<void> check_writable(const fs::path& file, const std::string& what) {
  if (!file.has_filename()) return refuse(file, what, "it names no file");
  if (is_device(file)) return {};
  std::error_code none;
  if (fs::is_directory(file, none)) return refuse(file, what, "it is a folder: name a file");
  if (fs::is_symlink(fs::symlink_status(file, none)))
    return refuse(
        file, what,
        "it is a symbolic link to " + in_quotes(fs::read_symlink(file, none).string()) + ": name the file itself");
  const fs::path folder = folder_of(file);
  if (!fs::is_directory(folder, none)) return refuse(file, what, "there is no folder " + in_quotes(folder.string()));
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return refuse(file, what, std::strerror(errno));
  return {};
}

Result<void> write_file(const fs::path& file, const std::string& what, std::span<const std::uint8_t> bytes,
                        unsigned mode) {
  if (auto ok = check_writable(file, what); !ok) return ok;
  if (is_device(file)) return write_device(file, what, bytes);
  const auto beside = write_beside(file, what, bytes, mode);
  if (!beside) return fail(beside.error().what);
  return put_in_place(*beside, file, what);
}

Result<void> write_file(const fs::path& file, const std::string& what, std::string_view text, unsigned mode) {
  return write_file(file, what, bytes_of(text), mode);
}

FileSet::~FileSet() {
  for (const auto& staged : staged_) ::unlink(staged.beside.c_str());
}

Result<void> FileSet::add(const fs::path& file, const std::string& what, std::span<const std::uint8_t> bytes,
                          unsigned mode) {
  if (auto ok = check_writable(file, what); !ok) return ok;
  if (is_device(file)) return refuse(file, what, "it is a device or a pipe: name an ordinary file");
  auto beside = write_beside(file, what, bytes, mode);
  if (!beside) return fail(beside.error().what);
  staged_.push_back({*std::move(beside), file, what});
  return {};
}

Result<void> FileSet::add(const fs::path& file, const std::string& what, std::string_view text, unsigned mode) {
  return add(file, what, bytes_of(text), mode);
}

Result<void> FileSet::commit() {
  for (std::size_t i = 0; i < staged_.size(); ++i)
    if (auto ok = put_in_place(staged_[i].beside, staged_[i].file, staged_[i].what); !ok) {
      staged_.erase(staged_.begin(), staged_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      return ok;
    }
  staged_.clear();
  return {};
}

}  // namespace blindsight::model
