#include "protocol/core/text.h"

#include <utf8.h>

#include <algorithm>

namespace blindsight::protocol {
namespace {

constexpr char32_t replacement = '?';

/// Control characters (C0, DEL, C1), separators of lines and paragraphs, what sets, overrides or isolates a direction
/// of writing, and what Unicode says is no character.
bool is_harmful(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
         (c & 0xfffe) == 0xfffe;
}

/// The next character of what is left, made harmless; a byte that begins none is one of its own.
char32_t take(std::string_view& left) {
  const char* at = left.data();
  char32_t c = replacement;
  try {
    c = utf8::next(at, left.data() + left.size());
    if (is_harmful(c)) c = replacement;
  } catch (const utf8::exception&) {
    at = left.data() + 1;
  }
  left.remove_prefix(static_cast<std::size_t>(at - left.data()));
  return c;
}

}  // namespace

std::string printable(std::string_view text, std::size_t longest) {
  std::string shown;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == longest) return shown + "…";
    utf8::append(take(text), std::back_inserter(shown));
  }
  return shown;
}

bool is_printable(std::string_view text) {
  return printable(text) == text;
}

std::string printable_in_bytes(std::string_view text, std::size_t bytes) {
  std::string shown;
  while (!text.empty()) {
    std::string next;
    utf8::append(take(text), std::back_inserter(next));
    if (shown.size() + next.size() > bytes) break;
    shown += next;
  }
  return shown;
}

std::string printable_lines(std::string_view text) {
  std::string shown;
  for (;;) {
    const auto end = text.find('\n');
    shown += printable(text.substr(0, end));
    if (end == std::string_view::npos) return shown;
    shown += '\n';
    text.remove_prefix(end + 1);
  }
}

std::string in_quotes(std::string_view name) {
  std::string quoted(1, '\'');
  quoted += printable(name, longest_name_shown);
  quoted += '\'';
  return quoted;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace blindsight::protocol
