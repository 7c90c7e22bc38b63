#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/core/result.h"

namespace blindsight::model {

/// The whole of an ordinary file of at most `largest` bytes. `what` it is ("plan") stands in the error with its name.
protocol::Result<std::vector<std::uint8_t>> read_file(const std::filesystem::path& file, const std::string& what,
                                                      std::uintmax_t largest);
/// Its first bytes, `most` of them unless it is shorter.
protocol::Result<std::vector<std::uint8_t>> read_start(const std::filesystem::path& file, const std::string& what,
                                                       std::size_t most);

/// Rights of a file that others may read, as far as the caller's umask lets them, and of one that its owner alone may.
constexpr unsigned public_mode = 0644, secret_mode = 0600;

/// Puts `bytes` in the place of the file, whole or not at all: written beside it with the rights `mode` and renamed. A
/// symbolic link is refused, for what it leads to would not be the file that was named; a device is written to as it
/// stands. `what` it is ("plan") stands in the error with its name.
protocol::Result<void> write_file(const std::filesystem::path& file, const std::string& what,
                                  std::span<const std::uint8_t> bytes, unsigned mode);
protocol::Result<void> write_file(const std::filesystem::path& file, const std::string& what, std::string_view text,
                                  unsigned mode);

/// Whether a file is a device or a pipe: nothing can be put in its place, it can only be written to.
bool is_device(const std::filesystem::path& file);

/// What write_file would refuse, told before the work whose result is to be written. Leaves no trace.
protocol::Result<void> check_writable(const std::filesystem::path& file, const std::string& what);

/// Files that belong together and take their places together. Each is written beside its place first; commit() renames
/// them when all are there. What was not committed leaves no trace.
class FileSet {
 public:
  FileSet() = default;
  ~FileSet();
  FileSet(const FileSet&) = delete;
  FileSet& operator=(const FileSet&) = delete;

  /// Writes `bytes` beside `file`, as write_file does, but for a device, which is refused.
  protocol::Result<void> add(const std::filesystem::path& file, const std::string& what,
                             std::span<const std::uint8_t> bytes, unsigned mode);
  protocol::Result<void> add(const std::filesystem::path& file, const std::string& what, std::string_view text,
                             unsigned mode);
  /// Puts all in their places in the order in which they were added: the one that makes the others count comes last.
  protocol::Result<void> commit();

 private:
  struct Staged {
    std::filesystem::path beside, file;
    std::string what;
  };
  std::vector<Staged> staged_;
};

}  // namespace blindsight::model
