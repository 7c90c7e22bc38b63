#include "protocol/prg/key_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/support/memory_image.h"
#include "tests/support/sanitized.h"

namespace blindsight::protocol {
namespace {

KeySet roots(std::uint8_t seed = 1) {
  return {Key({seed, 1}), Key({seed, 2}), Key({seed, 3})};
}

using Bytes = std::vector<std::uint8_t>;

Bytes bytes(const KeySet& keys) {
  Bytes all;
  for (const Key& key : keys) all.insert(all.end(), key.bytes().begin(), key.bytes().end());
  return all;
}

TEST_CASE("a number has the same keys whatever was taken or left out before it, and no two have the same") {
  KeyTree in_turn(roots(), 5);
  std::vector<Bytes> all;
  std::set<Bytes> single;
  for (std::uint64_t n = 0; n < 32; ++n) {
    const KeySet keys = in_turn.take(n).value();
    all.push_back(bytes(keys));
    for (const Key& key : keys) single.insert(Bytes(key.bytes().begin(), key.bytes().end()));
  }
  CHECK(single.size() == 32 * 3);
  for (std::uint64_t first = 0; first < 32; ++first)
    for (std::uint64_t second = first + 1; second < 32; ++second) {
      KeyTree tree(roots(), 5);
      CHECK(bytes(tree.take(first).value()) == all[first]);
      CHECK(bytes(tree.take(second).value()) == all[second]);
    }
  KeyTree other(roots(2), 5);
  CHECK(bytes(other.take(0).value()) != all[0]);
}

TEST_CASE("keys of one place follow from the root of that place alone") {
  KeyTree a(roots(), 48), b({Key({7}), Key({1, 2}), Key({9})}, 48);
  const KeySet x = a.take(12345).value(), y = b.take(12345).value();
  CHECK(std::ranges::equal(x[1].bytes(), y[1].bytes()));
  CHECK_FALSE(std::ranges::equal(x[0].bytes(), y[0].bytes()));
  CHECK_FALSE(std::ranges::equal(x[2].bytes(), y[2].bytes()));
}

TEST_CASE("what was handed out or left out does not come again, and the numbers end") {
  KeyTree tree(roots(), 48);
  CHECK(tree.take(7));
  const auto again = tree.take(7), behind = tree.take(3);
  REQUIRE_FALSE(again);
  CHECK(again.error().fault == Fault::violation);
  CHECK(again.error().what == "number 7 comes after number 7, and its keys were erased with that one's");
  CHECK_FALSE(behind);
  CHECK(tree.take(8));
  // As far as it goes at once: a leap costs a derivation for each level and no more.
  const std::uint64_t last = (std::uint64_t{1} << 48) - 1;
  CHECK(tree.take(last));
  CHECK_FALSE(tree.take(last));
  for (const std::uint64_t beyond : {last + 1, ~std::uint64_t{0}}) {
    const auto none = tree.take(beyond);
    REQUIRE_FALSE(none);
    CHECK(none.error().what == "number " + std::to_string(beyond) + " is not below 2^48");
  }
}

/// One key of a node: as many steps down from the root as `path` has letters.
tests::Unseen node(const Key& root, const std::string& path) {
  SecretMemory at = secret_memory(2 * Key::size);
  std::ranges::copy(root.bytes(), at.get());
  for (const char side : path) {
    SecretMemory both = secret_memory(2 * Key::size);
    derive({both.get(), 2 * Key::size}, {at.get(), Key::size}, "blindsight key tree", {});
    if (side == '1') std::copy_n(both.get() + Key::size, Key::size, both.get());
    at = std::move(both);
  }
  return tests::Unseen(std::span<const std::uint8_t, Key::size>(at.get(), Key::size));
}

TEST_CASE("what is held is just the nodes above the numbers to come: no image of the memory opens what is behind") {
  if (tests::sanitized) return;
  // Every node of a tree of 16 numbers, by its path.
  std::vector<std::string> paths{""};
  for (std::size_t i = 0; paths[i].size() < 4; ++i)
    for (const char side : {'0', '1'}) paths.push_back(paths[i] + side);
  REQUIRE(paths.size() == 31);
  KeySet keys{random_key(), random_key(), random_key()};
  std::vector<tests::Unseen> nodes;
  for (const std::string& path : paths) nodes.push_back(node(keys[1], path));
  KeyTree tree(keys, 4);
  keys = KeySet{Key({}), Key({}), Key({})};
  const auto held = [&] {
    const auto found = tests::memory_holds(nodes);
    std::set<std::string> names;
    for (std::size_t i = 0; i < paths.size(); ++i)
      if (found[i]) names.insert(paths[i]);
    return names;
  };
  using Names = std::set<std::string>;
  CHECK(held() == Names{""});
  {
    const KeySet zero = tree.take(0).value();
    CHECK(held() == Names{"0000", "0001", "001", "01", "1"});
  }
  CHECK(held() == Names{"0001", "001", "01", "1"});
  (void)tree.take(5);
  CHECK(held() == Names{"011", "1"});
  const KeySet twelve = tree.take(12).value();
  CHECK(held() == Names{"1100", "1101", "111"});
}

}  // namespace
}  // namespace blindsight::protocol
