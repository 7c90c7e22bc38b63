#include "protocol/prg/key.h"

#include <sodium.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>

namespace blindsight::protocol {

void WipeAndFree::operator()(std::uint8_t* secret) const {
  sodium_free(secret);  // wipes first
}

SecretMemory secret_memory(std::size_t bytes) {
  static const bool usable = sodium_init() >= 0;
  if (!usable) throw std::runtime_error("libsodium cannot be initialized");
  SecretMemory memory(static_cast<std::uint8_t*>(sodium_malloc(bytes)));
  if (!memory) throw std::bad_alloc();
  std::memset(memory.get(), 0, bytes);
  return memory;
}

std::size_t locked_bytes(std::size_t pieces) {
  return pieces * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

bool can_lock_secrets(std::size_t pieces) {
  const std::size_t bytes = locked_bytes(pieces);
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  const bool locked = ::mlock(memory, bytes) == 0;
  ::munmap(memory, bytes);
  return locked;
}

Key::Key(const std::array<std::uint8_t, size>& bytes) {
  SecretMemory memory = secret_memory(size);
  std::ranges::copy(bytes, memory.get());
  bytes_ = std::move(memory);
}

Key::Key(std::shared_ptr<const std::uint8_t> memory, std::size_t at) : bytes_(memory, memory.get() + at) {}

std::span<const std::uint8_t, Key::size> Key::bytes() const {
  if (!bytes_) throw std::logic_error("a key was used after it had been moved away");
  return std::span<const std::uint8_t, size>(bytes_.get(), size);
}

void random_bytes(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t n = getrandom(out.data(), std::min<std::size_t>(out.size(), 1 << 20), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw std::system_error(errno, std::generic_category(), "no randomness from the operating system");
    out = out.subspan(static_cast<std::size_t>(n));
  }
}

Key random_key() {
  SecretMemory memory = secret_memory(Key::size);
  random_bytes({memory.get(), Key::size});
  return Key(std::move(memory), 0);
}

void derive(std::span<std::uint8_t> out, std::span<const std::uint8_t> secret, std::string_view context,
            std::span<const std::uint8_t> salt) {
  for (const std::size_t bytes : {secret.size(), out.size()})
    if (bytes < crypto_generichash_KEYBYTES_MIN || bytes > crypto_generichash_KEYBYTES_MAX)
      throw std::invalid_argument("keys are derived from secrets of 16 to 64 bytes, to as many");
  crypto_generichash_state state;
  const std::uint64_t context_bytes = context.size();  // length first: no two (context, salt) pairs run together
  crypto_generichash_init(&state, secret.data(), secret.size(), out.size());
  crypto_generichash_update(&state, reinterpret_cast<const std::uint8_t*>(&context_bytes), sizeof context_bytes);
  crypto_generichash_update(&state, reinterpret_cast<const std::uint8_t*>(context.data()), context.size());
  crypto_generichash_update(&state, salt.data(), salt.size());
  crypto_generichash_final(&state, out.data(), out.size());
  sodium_memzero(&state, sizeof state);
}

Key derive_key(std::span<const std::uint8_t> secret, std::string_view context, std::span<const std::uint8_t> salt) {
  SecretMemory memory = secret_memory(Key::size);
  derive({memory.get(), Key::size}, secret, context, salt);
  return Key(std::move(memory), 0);
}

}  // namespace blindsight::protocol
