#include <doctest/doctest.h>

#include "tensor/ring.h"
#include "tensor/shape.h"

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

TEST_CASE("windows: sizes round down, rows read are clipped to the map") {
  const Window pool{2, 2, 2, 2};
  CHECK(pool.out_height(25) == 12);
  CHECK(input_rows(pool, {3, 5}, 25) == RowRange{6, 10});
  const Window kernel{3, 3, 1, 1, 1, 1, 1, 1};
  CHECK(kernel.out_width(7) == 7);
  CHECK(input_rows(kernel, {0, 2}, 7) == RowRange{0, 3});
  CHECK(input_rows(kernel, {5, 7}, 7) == RowRange{4, 7});
  CHECK(Window{5, 5}.out_height(4) == 0);
  CHECK(ConvShape{{7, 7, 3}, 4, kernel}.macs() == 7 * 7 * 4 * 27);
}

}  // namespace blindsight::tensor
