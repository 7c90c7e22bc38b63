#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/core/result.h"

namespace blindsight::model {

/// The whole of a file of at most `largest` bytes. `what` it is ("plan") stands in the error with its name.
protocol::Result<std::vector<std::uint8_t>> read_file(const std::filesystem::path& file, const std::string& what,
                                                      std::uintmax_t largest);

/// Rights of a file that others may read, and of one that its owner alone may.
constexpr unsigned public_mode = 0644, secret_mode = 0600;

/// Puts `bytes` in the place of the file, whole or not at all: written beside it with the rights `mode` and renamed. A
/// symbolic link is refused, for what it leads to would not be the file that was named; a device is written to as it
/// stands. `what` it is ("plan") stands in the error with its name.
protocol::Result<void> write_file(const std::filesystem::path& file, const std::string& what,
                                  std::span<const std::uint8_t> bytes, unsigned mode);
protocol::Result<void> write_file(const std::filesystem::path& file, const std::string& what, std::string_view text,
                                  unsigned mode);

/// What write_file would refuse, told before the work whose result is to be written. Leaves no trace.
protocol::Result<void> check_writable(const std::filesystem::path& file, const std::string& what);

}  // namespace blindsight::model
