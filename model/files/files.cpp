#include "model/files/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "protocol/core/text.h"

namespace blindsight::model {

namespace fs = std::filesystem;
using protocol::fail;
using protocol::in_quotes;
using protocol::Result;

namespace {

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

tl::unexpected<protocol::Error> refuse(const fs::path& file, const std::string& what, const std::string& why) {
  return fail("cannot write the " + what + " " + in_quotes(file.string()) + ": " + why);
}

/// A device or a pipe: nothing can be put in its place.
bool is_device(const fs::path& file) {
  std::error_code none;
  const auto status = fs::status(file, none);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
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

}  // namespace

Result<std::vector<std::uint8_t>> read_file(const fs::path& file, const std::string& what, std::uintmax_t largest) {
  auto refuse_read = [&](const std::string& why) {
    return fail("cannot read the " + what + " " + in_quotes(file.string()) + ": " + why);
  };
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) return refuse_read(error.message());
  if (size > largest)
    return refuse_read("it has " + std::to_string(size) + " bytes; at most " + std::to_string(largest) +
                       " are supported");
  std::vector<std::uint8_t> bytes(size);
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
    return refuse_read(errno != 0 ? std::strerror(errno) : "it became shorter while it was read");
  return bytes;
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
  // A name of its own, so that nothing that lies beside the file is touched. mkstemp gives mode 0600.
  std::string beside = (folder_of(file) / ".blindsight-XXXXXX").string();
  const int descriptor = ::mkstemp(beside.data());
  if (descriptor < 0) return refuse(file, what, std::strerror(errno));
  const bool complete = write_all(descriptor, bytes) && ::fchmod(descriptor, mode) == 0;
  int why = errno;
  const bool closed = ::close(descriptor) == 0;
  if (complete) why = errno;
  if (complete && closed) {
    if (::rename(beside.c_str(), file.c_str()) == 0) return {};
    why = errno;
  }
  ::unlink(beside.c_str());
  return refuse(file, what, std::strerror(why));
}

Result<void> write_file(const fs::path& file, const std::string& what, std::string_view text, unsigned mode) {
  return write_file(file, what, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), mode);
}

}  // namespace blindsight::model
