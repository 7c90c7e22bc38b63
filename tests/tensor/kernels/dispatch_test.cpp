#include <doctest/doctest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tensor/kernels/isa.h"
#include "tensor/kernels/kernel_table.h"

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

TEST_CASE("the bound table is the one compiled for the bound instruction set") {
  const Isa before = active_isa();
  use_isa(Isa::portable);
  CHECK(&kernels() == &portable_kernels);
#if defined(__x86_64__)
  for (const Isa isa : available_isas()) {
    use_isa(isa);
    CHECK((&kernels() == &avx2_kernels) == (isa == Isa::avx2));
    CHECK((&kernels() == &avx512_kernels) == (isa == Isa::avx512));
  }
#endif
  use_isa(before);
}

/// CMakeLists.txt runs this one with BLINDSIGHT_ISA set, too: the wish counts from a process's first call on.
TEST_CASE("the environment's instruction set is bound, else the best of this CPU") {
  const char* wish = std::getenv("BLINDSIGHT_ISA");
  if (wish != nullptr && *wish != '\0')
    CHECK(name(active_isa()) == std::string(wish));
  else
    CHECK(active_isa() == available_isas().back());
}

}  // namespace blindsight::tensor
