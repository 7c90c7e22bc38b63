#pragma once

#include <span>
#include <string_view>

#include "tensor/ring.h"
#include "tensor/shape.h"

namespace blindsight::tensor {

/// direct: any kernel, stride and padding, exact mod 2^word. winograd2 = F(2×2,3×3), winograd4 = F(4×4,3×3): 3×3,
/// stride 1 only; the transforms use 2·G and 8·G (1/3 is the inverse of 3 in the ring), so the product is 4 or 64 times
/// the result and 2 or 6 bits of the word are spent: the result is exact mod 2^(word - bits_spent) and its bits above
/// are zero. Word128 knows direct alone.
enum class ConvAlgorithm { direct, winograd2, winograd4 };

std::string_view name(ConvAlgorithm algorithm);
constexpr unsigned bits_spent(ConvAlgorithm a) {
  return a == ConvAlgorithm::winograd4 ? 6 : a == ConvAlgorithm::winograd2 ? 2 : 0;
}
bool supports(ConvAlgorithm algorithm, const ConvShape& shape);

/// A filter (weights, or a share or mask of them) brought once into the form that the algorithm's inner loop reads.
template <class Word>
struct PreparedFilter {
  ConvShape shape;
  ConvAlgorithm algorithm = ConvAlgorithm::direct;
  Buffer<Word> data;

  std::size_t bytes() const { return data.size() * sizeof(Word); }
};

/// `filter`: [kernel row][kernel column][in channel][out channel]. Word is Word32, Word64 or
/// Word128.
template <class Word>
PreparedFilter<Word> prepare_filter(const ConvShape& shape, ConvAlgorithm algorithm, std::span<const Word> filter);

/// Words of a prepared filter.
template <class Word>
std::size_t prepared_words(const ConvShape& shape, ConvAlgorithm algorithm);

/// Words that convolve_rows() of `out_rows` rows borrows while it works in one thread, at most.
template <class Word>
std::size_t working_words(const ConvShape& shape, ConvAlgorithm algorithm, std::size_t out_rows);

/// Rows `out_rows` of the convolution into `out` (those rows alone, contiguous), added to what is there when
/// `accumulate`. `in` holds rows `in_rows` of the input map alone; they must cover input_rows(window, out_rows). Rows
/// and columns outside the map are zero. Parallel over oneTBB in the caller's arena; the result does not depend on the
/// split, the thread count or the ISA.
template <class Word>
void convolve_rows(const PreparedFilter<Word>& filter, std::span<const Word> in, RowRange in_rows, RowRange out_rows,
                   std::span<Word> out, bool accumulate);

}  // namespace blindsight::tensor
