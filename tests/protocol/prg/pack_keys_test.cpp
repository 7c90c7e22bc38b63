#include "protocol/prg/pack_keys.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "tests/support/memory_image.h"
#include "tests/support/sanitized.h"

namespace blindsight::protocol {
namespace {

constexpr auto S0 = PartyId::server0, S1 = PartyId::server1, D = PartyId::producer;

/// Roots of three parties: shared two by two, and one's own.
KeySet roots_of(PartyId party) {
  const auto key = [&](PartyId peer) {
    const auto a = static_cast<std::uint8_t>(party), b = static_cast<std::uint8_t>(peer);
    return Key({std::min(a, b), std::max(a, b), 1});
  };
  return {key(S0), key(S1), key(D)};
}

std::vector<std::uint8_t> drawn(const Prg& prg) {
  std::vector<std::uint8_t> out(16);
  prg.fill({}, 0, out);
  return out;
}

TEST_CASE("two parties draw the same from what they share for a pack, in whichever order each came to it") {
  KeyRing s0(S0, roots_of(S0)), s1(S1, roots_of(S1)), d(D, roots_of(D));
  for (const PackId pack : {0, 1, 2, 3, 4}) CHECK(d.open(pack));
  CHECK(s0.open(3));
  const auto at0 = s0.open(5).value(), at1 = s1.open(5).value(), at_producer = d.open(5).value();
  CHECK(drawn(at0->with(S1)) == drawn(at1->with(S0)));
  CHECK(drawn(at0->with(D)) == drawn(at_producer->with(S0)));
  CHECK(drawn(at1->with(D)) == drawn(at_producer->with(S1)));
  CHECK(drawn(at0->with(D)) != drawn(at1->with(D)));
  CHECK(drawn(at0->with(S1)) != drawn(at0->with(D)));
  CHECK(drawn(at_producer->own()) != drawn(at_producer->with(S0)));
  CHECK(at0->pack() == 5);
  CHECK(drawn(at0->with(D)) != drawn(s0.open(6).value()->with(D)));
  CHECK_THROWS_AS((void)at0->with(S0), std::logic_error);
  CHECK_THROWS_AS((void)at0->with(PartyId::client), std::logic_error);
}

TEST_CASE("a pack is opened once, and none behind it or beyond what a stream can name") {
  KeyRing ring(S0, roots_of(S0));
  CHECK(ring.open(set_up_pack));
  const auto open = ring.open(9).value();
  CHECK_FALSE(ring.open(9));
  CHECK(ring.open(8).error().what ==
        "the keys of a pack: number 8 comes after number 9, and its keys were erased with that one's");
  CHECK(ring.open(std::uint64_t{1} << 48).error().fault == Fault::violation);
  CHECK(ring.open((std::uint64_t{1} << 48) - 1));
  CHECK_NOTHROW((void)drawn(open->with(D)));  // what is held outlives all that
}

TEST_CASE("a memory image taken when a pack is over opens neither it nor an earlier one") {
  if (tests::sanitized) return;
  std::vector<tests::Unseen> of_pack;
  {
    KeyTree tree({random_key(), random_key(), random_key()}, Stream::pack_bits);
    for (PackId pack = 0; pack < 3; ++pack) {
      const KeySet keys = tree.take(pack).value();
      for (const Key& key : keys) of_pack.emplace_back(key.bytes());
    }
  }
  for (const bool held : tests::memory_holds(of_pack)) CHECK_FALSE(held);
  // The same from one ring, the packs held out of turn and used by two at once.
  const KeySet roots{random_key(), random_key(), random_key()};
  of_pack.clear();
  {
    KeyTree tree(roots, Stream::pack_bits);
    for (PackId pack = 1; pack <= 3; ++pack) of_pack.emplace_back(tree.take(pack).value()[1].bytes());
  }
  KeyRing ring(S0, roots);
  auto one = ring.open(1).value(), two = ring.open(2).value();
  const auto three = ring.open(3).value();
  const auto also_two = two;
  (void)drawn(one->with(S1));
  (void)drawn(two->with(S1));
  CHECK(tests::memory_holds(of_pack) == std::vector<bool>{true, true, true});
  one.reset();
  two.reset();
  CHECK(tests::memory_holds(of_pack) == std::vector<bool>{false, true, true});
}

}  // namespace
}  // namespace blindsight::protocol
