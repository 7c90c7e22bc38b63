#include "protocol/prg/prg.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>

namespace blindsight::protocol {
namespace {

struct Free {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
  void operator()(EVP_CIPHER* c) const { EVP_CIPHER_free(c); }
};

const EVP_CIPHER* aes_ctr() {
  static const std::unique_ptr<EVP_CIPHER, Free> cipher(EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr));
  if (!cipher) throw std::runtime_error("OpenSSL has no AES-128-CTR");
  return cipher.get();
}

/// AES-CTR under one key from one counter on. The context is the thread's, since making one takes longer than keying
/// one, and keeps neither key schedule nor key stream: they are wiped at the end.
class Cipher {
 public:
  Cipher(std::span<const std::uint8_t, Key::size> key, const std::array<std::uint8_t, 16>& counter) {
    if (EVP_EncryptInit_ex(context_, aes_ctr(), nullptr, key.data(), counter.data()) != 1)
      throw std::runtime_error("AES-CTR could not be keyed in OpenSSL");
  }
  ~Cipher() { EVP_CIPHER_CTX_reset(context_); }
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  void encrypt(std::span<std::uint8_t> bytes) {
    const int n = static_cast<int>(bytes.size());
    int written = 0;
    if (EVP_EncryptUpdate(context_, bytes.data(), &written, bytes.data(), n) != 1 || written != n)
      throw std::runtime_error("AES-CTR failed in OpenSSL");
  }

 private:
  static EVP_CIPHER_CTX* of_thread() {
    thread_local const std::unique_ptr<EVP_CIPHER_CTX, Free> context(EVP_CIPHER_CTX_new());
    if (!context) throw std::bad_alloc();
    return context.get();
  }

  EVP_CIPHER_CTX* context_ = of_thread();
};

/// Its first bytes name the key in a ledger.
constexpr Stream key_name{.kind = 0xff, .level = 0xff};

}  // namespace

void Prg::fill(const Stream& stream, std::uint64_t offset, std::span<std::uint8_t> out) const {
  constexpr std::uint64_t stream_bytes = std::uint64_t{16} << 32;
  if (stream.pack >> Stream::pack_bits) throw std::length_error("pack number above 2^48: start a new session");
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

  Cipher cipher(key_.bytes(), counter);
  if (const std::size_t skip = offset % 16) {
    std::array<std::uint8_t, 16> unused{};
    cipher.encrypt(std::span(unused).first(skip));
  }
  // In pieces that stay in the first-level cache between zeroing and encrypting.
  constexpr std::size_t piece = 16384;
  while (!out.empty()) {
    const std::size_t n = std::min(piece, out.size());
    std::memset(out.data(), 0, n);
    cipher.encrypt(out.first(n));
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
