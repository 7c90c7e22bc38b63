#include "tensor/shape.h"

#include <doctest/doctest.h>

namespace blindsight::tensor {

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
