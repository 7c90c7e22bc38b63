#pragma once

#include <span>

#include "tensor/ring.h"
#include "tensor/shape.h"

namespace blindsight::tensor {

/// For output rows `out_rows` of `window` over a map of shape `in`, of which `data` holds rows `in_rows` alone: the
/// element that each output's window has at offset (dy, dx), clamped into the map, into `out` (rows contiguous).
/// Clamping duplicates an element of the same window, which no maximum notices. Word is Word16, Word32 or Word64.
template <class Word>
void gather_window(const Shape& in, const Window& window, std::size_t dy, std::size_t dx, std::span<const Word> data,
                   RowRange in_rows, RowRange out_rows, std::span<Word> out);

/// Sums of the windows (elements outside the map count as zero), modulo the word. Arguments as above; any word.
template <class Word>
void sum_windows(const Shape& in, const Window& window, std::span<const Word> data, RowRange in_rows, RowRange out_rows,
                 std::span<Word> out);

}  // namespace blindsight::tensor
