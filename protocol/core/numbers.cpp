#include "protocol/core/numbers.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace blindsight::protocol {
namespace {

/// Three significant digits and a prefix of the thousands.
std::string scaled(double value) {
  constexpr std::array<const char*, 6> prefixes = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  while (value >= 999.5 && prefix + 1 < prefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  const int digits = prefix == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fixed(value, digits) + ' ' + prefixes[prefix];
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  return scaled(static_cast<double>(bytes)) + 'B';
}

std::string human_count(std::uint64_t count) {
  std::string text = scaled(static_cast<double>(count));
  if (text.back() == ' ') text.pop_back();
  return text;
}

std::string human_seconds(double seconds) {
  if (seconds < 0.9995) return fixed(seconds * 1000, seconds < 0.00995 ? 2 : seconds < 0.0995 ? 1 : 0) + " ms";
  return fixed(seconds, seconds < 9.995 ? 2 : 1) + " s";
}

std::string counted(std::size_t count, const std::string& thing, const std::string& several) {
  return std::to_string(count) + ' ' + (count == 1 ? thing : several.empty() ? thing + 's' : several);
}

std::string percent(double share) {
  // All digits that a share in decimals has survive 15 of them; the last ones of the binary number do not.
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.15g", 100 * share);
  return std::string(text.data()) + " %";
}

std::string percent(double share, int digits) {
  return fixed(100 * share, digits) + " %";
}

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

}  // namespace blindsight::protocol
