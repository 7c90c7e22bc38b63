#include "apps/heap.h"

#include <cstddef>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <malloc.h>
#include <sys/mman.h>

#include <cstdlib>
#include <memory>
#endif

namespace blindsight::apps {

void prepare_heap() {
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  constexpr int step = 64 << 20, never = -1;  // read as the largest size
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TOP_PAD, step);
  mallopt(M_TRIM_THRESHOLD, never);
  // No block of its own mapping: those come back to the system and fault again.
  mallopt(M_MMAP_MAX, 0);
  // Addresses only: no page is touched, and what is freed stays the top of the heap, with the advice on it.
  constexpr std::size_t reach = std::size_t{4} << 30, page = std::size_t{2} << 20;
  if (void* all = std::malloc(reach)) {
    void* begin = all;
    std::size_t left = reach;
    if (std::align(page, page, begin, left) != nullptr) (void)madvise(begin, left / page * page, MADV_HUGEPAGE);
    std::free(all);
  }
#endif
}

}  // namespace blindsight::apps
