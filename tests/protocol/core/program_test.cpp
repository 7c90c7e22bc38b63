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

TEST_CASE("a band is worked on with the keys of its own pack, and none with the set-up's") {
  const auto keys = [](PackId pack) {
    return std::make_shared<const PackKeys>(pack, PartyId::server0, KeySet{Key({1}), Key({2}), Key({3})});
  };
  const PackKeysPtr seven = keys(7);
  CHECK(keys_of(making(2, 7), seven) == seven);
  CHECK_THROWS_AS(keys_of(making(2, 8), seven), std::invalid_argument);
  CHECK_THROWS_AS(keys_of(making(2, 7), nullptr), std::invalid_argument);
  CHECK_THROWS_AS(keys_of(making(2, set_up_pack), keys(set_up_pack)), std::invalid_argument);
}

}  // namespace
}  // namespace blindsight::protocol
