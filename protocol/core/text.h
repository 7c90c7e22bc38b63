#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace blindsight::protocol {

/// Characters of a name that an error shows.
constexpr std::size_t longest_name_shown = 80;

/// A stranger's text as one line that a terminal or a log can show. Valid UTF-8 stays as it is; a control character, a
/// byte that is no UTF-8, and what would break the line or turn its direction become '?'. Of more than `longest`
/// characters the first ones stay, and "…" stands for the rest.
std::string printable(std::string_view text, std::size_t longest = std::numeric_limits<std::size_t>::max());

/// Whether printable() leaves the text as it is.
bool is_printable(std::string_view text);

/// As much of printable(text) as fits `bytes` bytes, cut between two characters.
std::string printable_in_bytes(std::string_view text, std::size_t bytes);

/// printable() of a text of several lines: its line ends stay.
std::string printable_lines(std::string_view text);

/// A name from a file or another machine, quoted for an error: printable and cut to a readable length.
std::string in_quotes(std::string_view name);

/// Lower-case hexadecimal, two digits a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);

}  // namespace blindsight::protocol
