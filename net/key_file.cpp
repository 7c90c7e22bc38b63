#include "net/key_file.h"

#include <sodium.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "model/files/files.h"
#include "protocol/core/text.h"

namespace blindsight::net {
namespace {

using protocol::Fault;
using protocol::in_quotes;

constexpr std::uintmax_t largest_key_bytes = 64 * 1024;

}  // namespace

protocol::Result<wire::Credentials> load_key(const std::filesystem::path& file) {
  const auto place = "the key file " + in_quotes(file.string());
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) {
    if (errno != ENOENT) return protocol::fail(Fault::usage, place + " cannot be read: " + std::strerror(errno));
    return protocol::fail(Fault::usage, place + " cannot be found; `blindsight key new " + file.string() +
                                            "` makes one, or correct the key `key` of the configuration");
  }
  if ((found.st_mode & 077) != 0)
    return protocol::fail(Fault::usage, place + " can be read or written by others than its owner: run chmod 600 " +
                                            file.string() +
                                            "; if anybody may have read it, make a new one with `blindsight key new`");
  auto bytes = model::read_file(file, "key file", largest_key_bytes);
  if (!bytes) return tl::unexpected(bytes.error());
  auto read = wire::Credentials::from_pem({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  sodium_memzero(bytes->data(), bytes->size());
  if (!read) return tl::unexpected(protocol::within(place + ": ", read.error()));
  return read;
}

protocol::Result<void> write_new_key(const std::filesystem::path& file, const wire::Credentials& credentials) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(file, error)))
    return protocol::fail(Fault::usage, "there is a file " + in_quotes(file.string()) +
                                            " already, and a key that is overwritten is lost: name another");
  auto pem = credentials.to_pem();
  auto written = model::write_file(file, "key file", pem, model::secret_mode);
  sodium_memzero(pem.data(), pem.size());
  return written;
}

}  // namespace blindsight::net
