#include <doctest/doctest.h>

#include "tests/tensor/kernels/target/table_checks.h"

TEST_CASE("the portable kernels equal plain loops, one by one") {
  blindsight::tensor::testing::check_against_naive(blindsight::tensor::portable_kernels);
}
