#pragma once

#include <random>
#include <vector>

#include "tensor/kernels/isa.h"
#include "tensor/ring.h"

namespace blindsight::tensor {

/// Uniform words from a fixed seed.
template <class Word>
std::vector<Word> random_words(std::size_t n, unsigned seed) {
  std::mt19937_64 generator(seed);
  std::vector<Word> words(n);
  for (Word& word : words) {
    word = static_cast<Word>(generator());
    if constexpr (sizeof(Word) > 8) word = word << 64 | generator();
  }
  return words;
}

/// Runs body(isa) bound to each instruction set of this CPU and then to the one that was bound.
template <class Body>
void for_each_isa(const Body& body) {
  const Isa before = active_isa();
  for (Isa isa : available_isas()) {
    use_isa(isa);
    body(isa);
  }
  use_isa(before);
}

}  // namespace blindsight::tensor
