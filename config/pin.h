#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace blindsight::config {

/// Whom a link belongs to: the SHA-256 of a public key as X.509 encodes it (SubjectPublicKeyInfo). Public knowledge.
using Fingerprint = std::array<std::uint8_t, 32>;

/// A fingerprint as it stands in a file: 48 characters of base64url, of which the last tell a typing error before
/// anything is connected.
std::string pin_text(const Fingerprint& fingerprint);
/// None: not a pin, or one with a typing error.
std::optional<Fingerprint> parse_pin(std::string_view text);

}  // namespace blindsight::config
