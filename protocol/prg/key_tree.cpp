#include "protocol/prg/key_tree.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <string>

namespace blindsight::protocol {
namespace {

constexpr std::size_t lanes = std::tuple_size_v<KeySet>, node_bytes = lanes * Key::size;

/// Of the key in each lane. `left` may be where `parent` is.
void children(std::span<const std::uint8_t> parent, std::span<std::uint8_t> left, std::span<std::uint8_t> right) {
  std::array<std::uint8_t, 2 * Key::size> both;
  for (std::size_t at = 0; at < node_bytes; at += Key::size) {
    derive(both, parent.subspan(at, Key::size), "blindsight key tree", {});
    std::copy_n(both.begin(), Key::size, left.subspan(at).begin());
    std::copy_n(both.begin() + Key::size, Key::size, right.subspan(at).begin());
  }
  sodium_memzero(both.data(), both.size());
}

}  // namespace

KeyTree::KeyTree(const KeySet& roots, unsigned levels)
    : levels_(levels), nodes_(secret_memory((levels + 1) * node_bytes)) {
  const auto root = node(levels);
  for (std::size_t lane = 0; lane < lanes; ++lane)
    std::ranges::copy(roots[lane].bytes(), root.subspan(lane * Key::size).begin());
}

std::span<std::uint8_t> KeyTree::node(unsigned height) const {
  return {nodes_.get() + height * node_bytes, node_bytes};
}

/// Of the node that covers the numbers from `first` on, when those before it are gone.
unsigned KeyTree::height_at(std::uint64_t first) const {
  return first == 0 ? levels_ : static_cast<unsigned>(std::countr_zero(first));
}

Result<KeySet> KeyTree::take(std::uint64_t number) {
  if (number >> levels_)
    return fail(Fault::violation, "number " + std::to_string(number) + " is not below 2^" + std::to_string(levels_));
  if (number < next_)
    return fail(Fault::violation, "number " + std::to_string(number) + " comes after number " +
                                      std::to_string(next_ - 1) + ", and its keys were erased with that one's");
  unsigned height = height_at(next_);
  while (next_ + (std::uint64_t{1} << height) <= number) {
    next_ += std::uint64_t{1} << height;
    height = height_at(next_);
  }
  std::shared_ptr<std::uint8_t> memory = secret_memory(node_bytes);
  const std::span<std::uint8_t> taken(memory.get(), node_bytes);
  std::ranges::copy(node(height), taken.begin());
  sodium_memzero(node(height).data(), node_bytes);
  // Down to the leaf, leaving what is to its right. What is to its left goes, and what was passed over is overwritten:
  // it covered less than this node, so it was at a lower height.
  while (height-- > 0) {
    children(taken, taken, node(height));
    if (number >> height & 1) {
      std::ranges::copy(node(height), taken.begin());
      sodium_memzero(node(height).data(), node_bytes);
    }
  }
  next_ = number + 1;
  return KeySet{Key(memory, 0), Key(memory, Key::size), Key(memory, 2 * Key::size)};
}

}  // namespace blindsight::protocol
