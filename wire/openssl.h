#pragma once

#include <new>

/// What all callers of OpenSSL here do about its results.
namespace blindsight::wire {

/// What cannot fail but for want of memory.
template <class T>
T* made(T* object) {
  if (object == nullptr) throw std::bad_alloc();
  return object;
}

inline void done(int ok) {
  if (ok <= 0) throw std::bad_alloc();
}

}  // namespace blindsight::wire
