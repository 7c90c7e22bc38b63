#include "protocol/blink/compare.h"

#include <doctest/doctest.h>

#include "tests/protocol/blink/positive_part.h"
#include "tests/protocol/support/ledger.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink {
namespace {

using protocol::testing::keys_from_seed;
using testing::check_positive_part;

TEST_CASE("the positive part is exact for every value and every sharing, at every width of the last digit") {
  for (const PartyId receiver : {PartyId::server0, PartyId::server1}) {
    for (unsigned k = 2; k <= 9; ++k) check_positive_part(k, k, 0, receiver);
    check_positive_part(6, 8, 0, receiver);
    check_positive_part(9, 11, 0, receiver);
  }
}

TEST_CASE("messages of the wrong length and messages too many are refused") {
  const Prg p0(Key({5}));
  const CompareShape shape{100, 12, 12};
  ShareSource source(p0, {.pack = 1}, false, {});
  PositivePart a(take_compare(source, shape, 0), true);
  a.begin(Buffer<Word16>(100, 7));
  CHECK_FALSE(a.advance(Payload(149, 0)));
  CHECK(a.advance(Payload(150, 0)));
  CHECK_FALSE(a.advance(Payload(150, 0)));
}

TEST_CASE("the wires of a comparison: the digits' ANDs, and the products of their masks that are dealt") {
  const CompareShape one{1, 5, 5}, two{1, 9, 9}, three{1, 12, 12};
  CHECK(one.digits() == 1);
  CHECK(one.terms().empty());
  CHECK(one.rounds() == 2);
  CHECK(two.digits() == 2);
  CHECK(two.wires() == 2);
  CHECK(two.terms() == std::vector<unsigned>{0b11});
  CHECK(two.products() == std::vector<unsigned>{0b11});
  CHECK(two.monomials() == 15 + 15);
  // [c_0 < r_0] and both equalities above it; [c_1 < r_1] and the one above it.
  CHECK(three.digit_bits(2) == 3);
  CHECK(three.monomials() == 15 + 15 + 7);
  CHECK(three.terms() == std::vector<unsigned>{0b0111, 0b1010});
  CHECK(three.products() == std::vector<unsigned>{0b0011, 0b0101, 0b0110, 0b0111, 0b1010});
  CHECK(three.rounds() == 3);
}

TEST_CASE("a comparison's material takes the bytes that are declared, and its masks are told to the ledger") {
  for (const auto& shape : {CompareShape{100, 12, 12}, {100, 12, 14}, {600, 4, 4}}) {
    protocol::testing::Ledger ledger(6);
    const auto keys = keys_from_seed(6, 1, &ledger);
    const Prg& p0 = keys[0]->with(PartyId::producer);
    ShareSource source(p0, {.pack = 1}, false, {});
    const CompareMaterial material = take_compare(source, shape, 2);
    CHECK(material.bytes() == shape.material_bytes());
    CHECK(ledger.overlaps == 0);
    CHECK(ledger.bytes_opened == (material.rho.size() * 2 + material.wire_masks.size() * 8));
    ShareSource again(p0, {.pack = 1}, false, {});
    take_compare(again, shape, 3);
    CHECK(ledger.overlaps == 0);
    take_compare(again, shape, 2);
    CHECK(ledger.overlaps > 0);
  }
}

}  // namespace
}  // namespace blindsight::protocol::blink
