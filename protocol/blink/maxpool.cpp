#include "protocol/blink/maxpool.h"

#include "tensor/kernels/elementwise.h"
#include "tensor/kernels/pool_windows.h"

namespace blindsight::protocol::blink {
namespace {

tensor::Shape map_before(const LayerSpec& layer, std::size_t pool) {
  return LayerSpec::after(layer.conv_out(),
                          {layer.max_pools.begin(), layer.max_pools.begin() + static_cast<std::ptrdiff_t>(pool)});
}

}  // namespace

std::vector<CompareShape> max_levels(const LayerSpec& layer, const BandLayout& band, const Widths& w) {
  std::vector<CompareShape> result;
  for (std::size_t p = 0; p < layer.max_pools.size(); ++p) {
    const std::size_t n = band.max_pooled[p].size() * map_before(layer, p + 1).row_elements();
    for (std::size_t candidates = layer.max_pools[p].height * layer.max_pools[p].width; candidates > 1;
         candidates -= candidates / 2)
      result.push_back({candidates / 2 * n, w.truncated, w.truncated});
  }
  return result;
}

std::optional<Payload> MaxPool::begin(Buffer<Word16> rows) {
  rows_ = std::move(rows);
  return next_pool();
}

std::optional<Payload> MaxPool::next_pool() {
  if (pool_ == layer_.max_pools.size()) return std::nullopt;
  const tensor::Window& window = layer_.max_pools[pool_];
  const tensor::Shape in = map_before(layer_, pool_), out = map_before(layer_, pool_ + 1);
  const tensor::RowRange in_rows = pool_ ? band_.max_pooled[pool_ - 1] : band_.conv, out_rows = band_.max_pooled[pool_];
  const std::size_t n = out_rows.size() * out.row_elements();
  candidates_ = window.height * window.width;
  Buffer<Word16> gathered(candidates_ * n);
  for (std::size_t y = 0, at = 0; y < window.height; ++y)
    for (std::size_t x = 0; x < window.width; ++x, at += n)
      tensor::gather_window<Word16>(in, window, y, x, rows_, in_rows, out_rows, std::span(gathered).subspan(at, n));
  rows_ = std::move(gathered);
  return next_level();
}

std::optional<Payload> MaxPool::next_level() {
  if (candidates_ == 1) {
    ++pool_;
    return next_pool();
  }
  running_.emplace(std::move(levels_[level_++]), constants_);
  const std::size_t n = running_->shape().n;
  Buffer<Word16> difference(n);
  const std::span<const Word16> rows(rows_);
  tensor::subtract<Word16>(rows.first(n), rows.subspan(n, n), running_->shape().width, difference);
  return running_->begin(difference);
}

Result<std::optional<Payload>> MaxPool::advance(std::span<const std::uint8_t> message) {
  auto next = running_->advance(message);
  if (!next || *next) return next;
  const Buffer<Word16> positive = running_->take_result();
  const std::size_t n = positive.size();
  const std::span<Word16> rows(rows_);
  tensor::add<Word16>(rows.subspan(n, n), positive, 16, rows.first(n));
  // The odd candidate out takes the first freed place behind the winners.
  std::copy(rows_.begin() + static_cast<std::ptrdiff_t>(2 * n), rows_.end(),
            rows_.begin() + static_cast<std::ptrdiff_t>(n));
  rows_.resize(rows_.size() - n);
  candidates_ -= candidates_ / 2;
  return next_level();
}

}  // namespace blindsight::protocol::blink
