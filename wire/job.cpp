#include "wire/job.h"

#include <sodium.h>

#include <span>
#include <string_view>

namespace blindsight::wire {
namespace {

/// A hash under a name of its own, so that no hash of one purpose is one of another.
class Hash {
 public:
  explicit Hash(std::string_view purpose) {
    crypto_generichash_init(&state_, nullptr, 0, 32);
    take({reinterpret_cast<const std::uint8_t*>(purpose.data()), purpose.size()});
  }
  void take(std::span<const std::uint8_t> bytes) { crypto_generichash_update(&state_, bytes.data(), bytes.size()); }
  void take(std::uint64_t number) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
    take(bytes);
  }
  std::array<std::uint8_t, 32> end() {
    std::array<std::uint8_t, 32> hash{};
    crypto_generichash_final(&state_, hash.data(), hash.size());
    return hash;
  }

 private:
  crypto_generichash_state state_{};
};

}  // namespace

JobDigest digest(const JobHeader& header) {
  // All parts are of a fixed length: no two headers are one row of bytes.
  Hash hash("blindsight job");
  hash.take(header.job);
  hash.take(header.plan);
  hash.take(header.client);
  hash.take(header.nonce);
  hash.take(header.not_after_ms);
  return hash.end();
}

Attempt attempt_of(const SessionId& session, protocol::PackId pack) {
  Hash hash("blindsight attempt");
  hash.take(session);
  hash.take(std::uint64_t{pack});
  return hash.end();
}

}  // namespace blindsight::wire
