#include "tensor/ring.h"

#include <doctest/doctest.h>

namespace blindsight::tensor {

TEST_CASE("low_mask and as_signed at the edges of a word") {
  CHECK(low_mask<Word16>(0) == 0);
  CHECK(low_mask<Word16>(16) == 0xFFFF);
  CHECK(low_mask<Word64>(63) == ~Word64{0} >> 1);
  CHECK(low_mask<Word128>(0) == 0);
  CHECK(low_mask<Word128>(64) == ~Word64{0});
  CHECK(low_mask<Word128>(100) == ~Word128{0} >> 28);
  CHECK(low_mask<Word128>(128) == ~Word128{0});
  CHECK(as_signed(0xFFF, 12) == -1);
  CHECK(as_signed(0x17FF, 12) == 2047);
  CHECK(as_signed(~0ull, 64) == -1);
}

TEST_CASE("a buffer starts on a cache line") {
  const Buffer<Word16> buffer(3);
  CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
}

}  // namespace blindsight::tensor
