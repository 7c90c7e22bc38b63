#pragma once

namespace blindsight::tests {

/// Whether this is a build with a sanitizer, where tests that look into their process's memory say nothing: sanitizers
/// make mlock() do nothing, and what copies memory are functions of their own, with frames of their own. With
/// AddressSanitizer a key was found on the stack in 1 of 12 runs, in a release build in none of 3000.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace blindsight::tests
