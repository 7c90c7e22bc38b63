#pragma once

#include <stdexcept>
#include <string>

namespace blindsight::tensor {

/// Throws, naming the kernel (`what`) and what it needs, unless that holds.
inline void check(bool holds, const char* what, const char* needed) {
  if (!holds) throw std::invalid_argument(std::string(what) + ": " + needed);
}

}  // namespace blindsight::tensor
