#include "protocol/core/program.h"

#include <doctest/doctest.h>

namespace blindsight::protocol {
namespace {

struct Own final : BandMaterial {
  using BandMaterial::BandMaterial;
  std::size_t bytes() const override { return 0; }
};

TEST_CASE("material serves the work that it was prepared for and no other") {
  const Work work = making(2, 7, 3, 1);
  CHECK(material_of<Own>(work, std::make_unique<Own>(work))->work() == work);
  CHECK_THROWS_AS(material_of<Own>(work, nullptr), std::invalid_argument);
  for (const Work& other : {making(3, 7, 3, 1), making(2, 8, 3, 1), making(2, 7, 4, 1), making(2, 7, 3, 2)})
    CHECK_THROWS_AS(material_of<Own>(other, std::make_unique<Own>(work)), std::invalid_argument);
}

}  // namespace
}  // namespace blindsight::protocol
