#include "config/pin.h"

#include <doctest/doctest.h>

using blindsight::config::Fingerprint;
using blindsight::config::parse_pin;
using blindsight::config::pin_text;

namespace {

Fingerprint some_fingerprint() {
  Fingerprint f{};
  for (std::size_t i = 0; i < f.size(); ++i) f[i] = static_cast<std::uint8_t>(37 * i + 5);
  return f;
}

}  // namespace

TEST_CASE("a pin is read as it is written") {
  const auto text = pin_text(some_fingerprint());
  CHECK(text.size() == 48);
  CHECK(parse_pin(text) == some_fingerprint());
}

TEST_CASE("a pin with any one character changed, left out, doubled or swapped is none") {
  const auto text = pin_text(some_fingerprint());
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(parse_pin(changed));
    CHECK_FALSE(parse_pin(text.substr(0, i) + text.substr(i + 1)));
    CHECK_FALSE(parse_pin(text.substr(0, i + 1) + text.substr(i)));
    if (i > 0 && text[i] != text[i - 1]) {
      auto swapped = text;
      std::swap(swapped[i], swapped[i - 1]);
      CHECK_FALSE(parse_pin(swapped));
    }
  }
}

TEST_CASE("what is no pin is none") {
  for (const auto* text : {"", " ", "A", "sha256:00", "=", "\xff"}) CHECK_FALSE(parse_pin(text));
  CHECK_FALSE(parse_pin(pin_text(some_fingerprint()) + " "));
  CHECK_FALSE(parse_pin(pin_text(some_fingerprint()) + "="));
}
