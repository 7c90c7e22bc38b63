#if defined(__x86_64__)
#include <doctest/doctest.h>

#include <algorithm>

#include "tensor/kernels/isa.h"
#include "tests/tensor/kernels/target/table_checks.h"

namespace blindsight::tensor {

TEST_CASE("the kernels for AVX-512 equal plain loops and the portable ones, one by one") {
  if (std::ranges::count(available_isas(), Isa::avx512) == 0) {
    MESSAGE("this CPU has no AVX-512: nothing was compared");
    return;
  }
  testing::check_against_naive(avx512_kernels);
  testing::check_same(avx512_kernels, portable_kernels);
}

}  // namespace blindsight::tensor
#endif
