#pragma once

#include <filesystem>

#include "protocol/core/result.h"
#include "wire/credentials.h"

namespace blindsight::net {

/// Reads a key file. Refused, with what to do: a file that others than its owner may read or write, one that is no pair
/// of key and certificate. An expired one is read: whoever uses it says so.
protocol::Result<wire::Credentials> load_key(const std::filesystem::path& file);

/// Makes a key file, readable by its owner alone; never in the place of another.
protocol::Result<void> write_new_key(const std::filesystem::path& file, const wire::Credentials& credentials);

}  // namespace blindsight::net
