#pragma once

#include "tensor/kernels/kernel_table.h"

/// The kernels of a table one by one, called as the files of tensor/kernels call them, at lengths that leave tails and
/// with words behind each result that must stay. To be called in a test case, on a CPU that runs the table's
/// instructions.
namespace blindsight::tensor::testing {

/// Products, packing, planes and rings against the loops of naive/ and plain arithmetic.
void check_against_naive(const KernelTable& table);

/// What has no plain loop in naive/ gives the same bytes as another table's: elementwise_test.cpp and field67_test.cpp
/// have the formulas.
void check_same(const KernelTable& table, const KernelTable& other);

}  // namespace blindsight::tensor::testing
