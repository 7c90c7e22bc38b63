#pragma once

#include <span>

#include "tensor/ring.h"
#include "tensor/shape.h"

/// The oracle: what every kernel must equal bit for bit, as the plainest loops that say it. Arguments as in the
/// kernel's own header.
namespace blindsight::tensor::naive {

/// Whole map, `filter` as given to prepare_filter. Exact mod 2^word.
template <class Word>
void convolve(const ConvShape& shape, std::span<const Word> filter, std::span<const Word> in, std::span<Word> out);

template <class Word>
void pack_bits(std::span<const Word> in, unsigned bits, std::span<std::uint8_t> out);
template <class Word>
void unpack_bits(std::span<const std::uint8_t> in, unsigned bits, std::span<Word> out);

void to_planes(std::span<const Word16> in, unsigned bits, std::span<Word64> planes);
bool plane_bit(std::span<const Word64> plane, std::size_t i);

/// Bit by bit from the clear values: [c < r] and [c = r] of digits.
void compare_digit(std::span<const unsigned> c, std::span<const unsigned> r, std::span<bool> less,
                   std::span<bool> equal);

/// Whole map.
template <class Word>
void gather_window(const Shape& in, const Window& window, std::size_t dy, std::size_t dx, std::span<const Word> data,
                   std::span<Word> out);
template <class Word>
void sum_windows(const Shape& in, const Window& window, std::span<const Word> data, std::span<Word> out);

}  // namespace blindsight::tensor::naive
