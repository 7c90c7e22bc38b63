#include "protocol/prg/prg.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace blindsight::protocol {
namespace {

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};

/// One context per thread: making one costs more than keying one.
EVP_CIPHER_CTX* cipher() {
  thread_local std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context(EVP_CIPHER_CTX_new());
  if (!context) throw std::bad_alloc();
  return context.get();
}

void encrypt(EVP_CIPHER_CTX* c, std::uint8_t* out, const std::uint8_t* in, std::size_t n) {
  int written = 0;
  if (EVP_EncryptUpdate(c, out, &written, in, static_cast<int>(n)) != 1 || written != static_cast<int>(n))
    throw std::runtime_error("AES-CTR failed in OpenSSL");
}

/// Its first bytes name the key in a ledger.
constexpr Stream key_name{.kind = 0xff, .level = 0xff};

}  // namespace

Key::~Key() {
  sodium_memzero(bytes_.data(), bytes_.size());
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
  std::array<std::uint8_t, 16> bytes;
  random_bytes(bytes);
  Key key(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  return key;
}

Key derive_key(std::span<const std::uint8_t> secret, std::string_view context, std::span<const std::uint8_t> salt) {
  const std::size_t used = std::min<std::size_t>(secret.size(), crypto_generichash_KEYBYTES_MAX);
  if (secret.size() != used || used < crypto_generichash_KEYBYTES_MIN)
    throw std::invalid_argument("derive_key takes a secret of 16 to 64 bytes");
  crypto_generichash_state state;
  std::array<std::uint8_t, 16> out;
  const std::uint64_t context_bytes = context.size();  // length first: no two (context, salt) pairs run together
  crypto_generichash_init(&state, secret.data(), used, out.size());
  crypto_generichash_update(&state, reinterpret_cast<const std::uint8_t*>(&context_bytes), sizeof context_bytes);
  crypto_generichash_update(&state, reinterpret_cast<const std::uint8_t*>(context.data()), context.size());
  crypto_generichash_update(&state, salt.data(), salt.size());
  crypto_generichash_final(&state, out.data(), out.size());
  Key key(out);
  sodium_memzero(out.data(), out.size());
  sodium_memzero(&state, sizeof state);
  return key;
}

void Prg::fill(const Stream& stream, std::uint64_t offset, std::span<std::uint8_t> out) const {
  constexpr std::uint64_t stream_bytes = std::uint64_t{16} << 32;
  if (stream.pack >> 48) throw std::length_error("pack number above 2^48: start a new session");
  if (offset > stream_bytes || out.size() > stream_bytes - offset)
    throw std::length_error("PRG stream longer than 64 GiB");
  if (ledger_ && stream != key_name) ledger_->drawn(fingerprint(), stream, offset, out.size());
  const std::uint64_t block = offset / 16;
  std::array<std::uint8_t, 16> counter;
  for (int i = 0; i < 6; ++i) counter[i] = static_cast<std::uint8_t>(stream.pack >> (40 - 8 * i));
  counter[6] = static_cast<std::uint8_t>(stream.value >> 8);
  counter[7] = static_cast<std::uint8_t>(stream.value);
  counter[8] = static_cast<std::uint8_t>(stream.band >> 8);
  counter[9] = static_cast<std::uint8_t>(stream.band);
  counter[10] = stream.kind;
  counter[11] = stream.level;
  for (int i = 0; i < 4; ++i) counter[12 + i] = static_cast<std::uint8_t>(block >> (24 - 8 * i));

  EVP_CIPHER_CTX* c = cipher();
  if (EVP_EncryptInit_ex(c, EVP_aes_128_ctr(), nullptr, key_.bytes().data(), counter.data()) != 1)
    throw std::runtime_error("AES-CTR could not be keyed in OpenSSL");
  if (const std::size_t skip = offset % 16) {
    std::array<std::uint8_t, 16> unused{};
    encrypt(c, unused.data(), unused.data(), skip);
  }
  // In pieces that stay in the first-level cache between zeroing and encrypting.
  constexpr std::size_t piece = 16384;
  while (!out.empty()) {
    const std::size_t n = std::min(piece, out.size());
    std::memset(out.data(), 0, n);
    encrypt(c, out.data(), out.data(), n);
    out = out.subspan(n);
  }
}

std::uint64_t Prg::fingerprint() const {
  std::uint64_t name;
  fill(key_name, 0, {reinterpret_cast<std::uint8_t*>(&name), sizeof name});
  return name;
}

void Prg::note_opened(const Stream& stream, std::uint64_t offset, std::uint64_t bytes) const {
  if (ledger_) ledger_->opened_under(fingerprint(), stream, offset, bytes);
}

}  // namespace blindsight::protocol
