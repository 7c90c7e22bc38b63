#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace blindsight::protocol {

/// A 128-bit AES key. Never printed; wiped when it goes.
class Key {
 public:
  Key() = default;
  explicit Key(std::array<std::uint8_t, 16> bytes) : bytes_(bytes) {}
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key();
  std::span<const std::uint8_t, 16> bytes() const { return bytes_; }

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

/// Fresh from the operating system. Throws std::system_error when it has none to give.
Key random_key();
void random_bytes(std::span<std::uint8_t> out);

/// KDF(secret, context): BLAKE2b, 128 bits. `context` separates purposes; `salt` holds the session and the deployment.
Key derive_key(std::span<const std::uint8_t> secret, std::string_view context, std::span<const std::uint8_t> salt);

/// The keys of one party in one session, for one deployment: each known to exactly the two parties named, `own` to this one alone.
/// Keys with oneself are unset.
struct SessionKeys {
  std::array<Key, 3> with;  ///< indexed by PartyId of the peer
  Key own;
};

}  // namespace blindsight::protocol
