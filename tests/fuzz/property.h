#pragma once

#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <string_view>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

/// What all fuzz targets share. A find is a sanitizer's report, a signal, more time or memory than scripts/fuzz allows,
/// or a property below that does not hold.
namespace blindsight::fuzz {

/// Ends the run with a find when `holds` is false.
inline void property(bool holds, std::string_view what, std::string_view detail = {}) {
  if (holds) return;
  std::fprintf(stderr, "==== PROPERTY BROKEN: %.*s\n%.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

/// Well-formed UTF-8: overlong forms, surrogates and code points beyond U+10FFFF are none.
inline bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
    const unsigned first = byte(i);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    if (first == 0xe0 && byte(i + 1) < 0xa0) return false;
    if (first == 0xed && byte(i + 1) > 0x9f) return false;
    if (first == 0xf0 && byte(i + 1) < 0x90) return false;
    if (first == 0xf4 && byte(i + 1) > 0x8f) return false;
    i += length;
  }
  return true;
}

/// A refusal says something, and nothing from a file that would move a terminal's cursor or break JSON.
inline void refusal_is_readable(std::string_view text) {
  property(!text.empty(), "a refusal says why");
  property(std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
           "a refusal holds no control character", text);
  property(is_utf8(text), "a refusal is UTF-8", text);
}

/// What the program holds on the heap at this moment: the address sanitizer counts it.
inline std::size_t heap_bytes() {
  return __sanitizer_get_current_allocated_bytes();
}

/// The start of a fuzz target's mutation: what libFuzzer gives for one.
using Random = std::minstd_rand;

template <class Container>
const auto& pick(const Container& from, Random& random) {
  return from[random() % std::size(from)];
}

/// Numbers at the edges of what sizes, counts and widths can be.
constexpr std::array<std::int64_t, 30> edges{
    0,     1,     2,       3,       4,       7,    8,    9,         16,        31,
    32,    33,    64,      255,     256,     1024, 4096, 11585,     32768,     65535,
    65536, 65537, 1 << 20, 1 << 26, 1 << 28, -1,   -2,   1LL << 31, 1LL << 32, (1LL << 62) + 1};

/// `bytes` into libFuzzer's buffer, cut where they do not fit.
template <class Bytes>
std::size_t put(const Bytes& bytes, std::uint8_t* data, std::size_t most) {
  const std::size_t size = std::min(most, bytes.size());
  std::copy_n(bytes.begin(), size, data);
  return size;
}

}  // namespace blindsight::fuzz
