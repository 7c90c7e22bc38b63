#include "apps/heap.h"

#include <doctest/doctest.h>

#include "tests/apps/support/forked.h"

// As in the source: nothing is prepared elsewhere, and there is nothing to be tested.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <malloc.h>

#include <cstdlib>
#include <thread>

using namespace blindsight;
using tests::in_a_process_of_its_own;

namespace {

constexpr std::size_t large = std::size_t{100} << 20;

}  // namespace

TEST_CASE("large blocks come from the heap, not from mappings of their own, and do not go back to the system") {
  CHECK(in_a_process_of_its_own([] {
    apps::prepare_heap();
    const auto mapped = mallinfo2().hblks;
    void* volatile block = std::malloc(large);  // volatile: or the compiler knows better
    const auto end = ::sbrk(0);
    const bool in_heap = block != nullptr && mallinfo2().hblks == mapped && block < end;
    std::free(block);
    return in_heap && ::sbrk(0) == end;
  }));
}

TEST_CASE("all threads have one heap: what one gives back another gets") {
  CHECK(in_a_process_of_its_own([] {
    apps::prepare_heap();
    const auto end = ::sbrk(0);
    void* volatile given = nullptr;
    std::thread([&] { given = std::malloc(1000); }).join();
    return given != nullptr && given < ::sbrk(0) && ::sbrk(0) >= end;
  }));
}

TEST_CASE("canary: without the preparation a large block has a mapping of its own") {
  CHECK(in_a_process_of_its_own([] {
    const auto mapped = mallinfo2().hblks;
    void* volatile block = std::malloc(large);  // volatile: or the compiler knows better
    const bool own = mallinfo2().hblks > mapped;
    std::free(block);
    return own;
  }));
}
#endif
