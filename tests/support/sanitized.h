#pragma once

namespace blindsight::tests {

/// Whether this is a build with a sanitizer. Such a build keeps copies of its own of what lies on the stack and was
/// freed, has hundreds of megabytes that are its own, and locks no memory: tests that look into their process's memory
/// say nothing there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace blindsight::tests
