#include "config/pin.h"

#include <sodium.h>

#include <algorithm>

namespace blindsight::config {
namespace {

constexpr std::size_t check_bytes = 4;
using Checked = std::array<std::uint8_t, std::tuple_size_v<Fingerprint> + check_bytes>;

/// The fingerprint, then the first bytes of a hash of it.
Checked checked(const Fingerprint& fingerprint) {
  static constexpr std::string_view purpose = "blindsight pin";
  std::array<std::uint8_t, crypto_generichash_BYTES> hash{};
  crypto_generichash(hash.data(), hash.size(), fingerprint.data(), fingerprint.size(),
                     reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size());
  Checked all{};
  std::ranges::copy(fingerprint, all.begin());
  std::copy_n(hash.begin(), check_bytes, all.begin() + fingerprint.size());
  return all;
}

constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

}  // namespace

std::string pin_text(const Fingerprint& fingerprint) {
  const auto all = checked(fingerprint);
  std::string text(sodium_base64_ENCODED_LEN(all.size(), variant), '\0');
  sodium_bin2base64(text.data(), text.size(), all.data(), all.size(), variant);
  text.pop_back();  // the zero byte at its end
  return text;
}

std::optional<Fingerprint> parse_pin(std::string_view text) {
  Checked all{};
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(all.data(), all.size(), text.data(), text.size(), nullptr, &size, &end, variant) != 0 ||
      size != all.size() || end != text.data() + text.size())
    return std::nullopt;
  Fingerprint fingerprint{};
  std::copy_n(all.begin(), fingerprint.size(), fingerprint.begin());
  if (checked(fingerprint) != all) return std::nullopt;
  return fingerprint;
}

}  // namespace blindsight::config
