#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace blindsight::protocol {

struct WipeAndFree {
  void operator()(std::uint8_t* secret) const;
};

/// Memory of libsodium's for secrets (sodium_malloc): wiped when it goes, in no core dump, between guard pages, and
/// never in swap as long as the process may lock memory (`ulimit -l`).
using SecretMemory = std::unique_ptr<std::uint8_t, WipeAndFree>;

/// So many zeros. It takes whole pages and tens of microseconds: what goes together should lie together. Throws
/// std::bad_alloc, or std::runtime_error when libsodium cannot be used.
SecretMemory secret_memory(std::size_t bytes);

/// Whether the process may hold so many pieces of secret memory, of a page each at most, and none of it goes to swap:
/// found by trying. What cannot be locked serves all the same.
bool can_lock_secrets(std::size_t pieces);
/// What these count against the process's limit.
std::size_t locked_bytes(std::size_t pieces);

/// A 128-bit key. It lies in SecretMemory, is moved and never copied, and has no way to be printed.
class Key {
 public:
  static constexpr std::size_t size = 16;

  /// A copy of bytes that the caller wipes, if they are secret.
  explicit Key(const std::array<std::uint8_t, size>& bytes);
  /// Bytes [at, at + size) of a piece of memory that other keys lie in, too; it is wiped with the last of them.
  Key(std::shared_ptr<const std::uint8_t> memory, std::size_t at);
  Key(Key&&) noexcept = default;
  Key& operator=(Key&&) noexcept = default;

  /// Throws std::logic_error once the key has been moved away.
  std::span<const std::uint8_t, size> bytes() const;

 private:
  std::shared_ptr<const std::uint8_t> bytes_;
};

/// Fresh from the operating system. Throws std::system_error when it has none to give.
Key random_key();
void random_bytes(std::span<std::uint8_t> out);

/// KDF(secret, context): BLAKE2b under the secret, 16 to 64 bytes, to as many. `context` separates purposes; `salt`
/// says whose key it is.
void derive(std::span<std::uint8_t> out, std::span<const std::uint8_t> secret, std::string_view context,
            std::span<const std::uint8_t> salt);
Key derive_key(std::span<const std::uint8_t> secret, std::string_view context, std::span<const std::uint8_t> salt);

}  // namespace blindsight::protocol
