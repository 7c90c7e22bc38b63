#pragma once

#include "protocol/core/layout.h"
#include "tensor/kernels/pool_windows.h"

namespace blindsight::protocol {

/// The band's average pools as window sums of shares: local, and the division is in the next layer's scale. Rows of
/// ReLU's map in, rows of the layer's output out, modulo the word.
template <class Word>
tensor::Buffer<Word> sum_averages(const LayerSpec& layer, const BandLayout& band, tensor::Buffer<Word> rows) {
  tensor::Shape in = layer.relu_shape();
  tensor::RowRange in_rows = band.relu;
  for (std::size_t p = 0; p < layer.average_pools.size(); ++p) {
    const tensor::Window& window = layer.average_pools[p];
    const tensor::Shape out{window.out_height(in.height), window.out_width(in.width), in.channels};
    tensor::Buffer<Word> sums(band.averaged[p].size() * out.row_elements());
    tensor::sum_windows<Word>(in, window, rows, in_rows, band.averaged[p], sums);
    rows = std::move(sums);
    in = out;
    in_rows = band.averaged[p];
  }
  return rows;
}

}  // namespace blindsight::protocol
