#include "tensor/kernels/isa.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace blindsight::tensor {

TEST_CASE("every available instruction set can be bound, and portable is always one") {
  const std::vector<Isa> isas = available_isas();
  CHECK(isas.front() == Isa::portable);
  const Isa before = active_isa();
  for (Isa isa : isas) {
    use_isa(isa);
    CHECK(active_isa() == isa);
  }
  use_isa(before);
  if (isas.back() != Isa::avx512) CHECK_THROWS_AS(use_isa(Isa::avx512), std::invalid_argument);
  CHECK(name(Isa::avx512) == "avx512");
}

}  // namespace blindsight::tensor
