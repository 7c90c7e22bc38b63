#pragma once

#include "protocol/blink/compare.h"
#include "protocol/blink/layout.h"
#include "protocol/blink/widths.h"

namespace blindsight::protocol::blink {

/// The comparisons of a band's max pools, level by level: max(a, b) = b + max(a - b, 0), a tree over each window's
/// elements. Works on the k + 1 bits that truncation left, where a - b fits; max commutes with truncation and ReLU, so
/// it goes first.
std::vector<CompareShape> max_levels(const LayerSpec& layer, const BandLayout& band, const Widths& w);

/// All max pools of one band. Messages and privacy are PositivePart's, level after level with masks of their own.
class MaxPool {
 public:
  /// `layer` and `band` outlive this. `levels`: material for each of max_levels(), in that order.
  MaxPool(const LayerSpec& layer, const BandLayout& band, std::vector<CompareMaterial> levels, bool constants)
      : layer_(layer), band_(band), levels_(std::move(levels)), constants_(constants) {}

  /// Truncated shares of the band's convolution rows in. The first message, or nothing when no window holds two
  /// elements.
  std::optional<Payload> begin(Buffer<Word16> rows);
  /// The next message, or nothing when take_result() is there: the rows after the last pool.
  Result<std::optional<Payload>> advance(std::span<const std::uint8_t> message);
  Buffer<Word16> take_result() { return std::move(rows_); }

 private:
  std::optional<Payload> next_pool();
  std::optional<Payload> next_level();

  const LayerSpec& layer_;
  const BandLayout& band_;
  std::vector<CompareMaterial> levels_;
  bool constants_;
  std::size_t pool_ = 0, level_ = 0;
  std::size_t candidates_ = 0;  ///< left in each window
  Buffer<Word16> rows_;  ///< before the pool; during it, its candidates one after the other, each a map of output rows
  std::optional<PositivePart> running_;
};

}  // namespace blindsight::protocol::blink
