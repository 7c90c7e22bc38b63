#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "protocol/core/program.h"

namespace blindsight::actors {

/// Which bands of a value one query may begin: those whose rows are there, so many at once as the protocol bounds. A
/// value whose bands are bounded begins them strictly in rising order: so do the peers, and nobody waits for a band
/// that another has put off. A plain value.
class BandProgress {
 public:
  /// `info` must outlive it.
  explicit BandProgress(const protocol::ValueInfo& info) : info_(&info), begun_(info.bands.size()) {
    std::size_t rows = 0;
    for (const auto& band : info.bands) rows = std::max(rows, band.needs.end);
    written_.resize(rows);
  }

  /// These rows of the value that is read are there.
  void written(tensor::RowRange rows) {
    for (auto row = rows.begin; row < std::min(rows.end, written_.size()); ++row) written_[row] = true;
  }

  /// The next band to begin, counted as begun; none when nothing may begin now.
  std::optional<std::uint32_t> begin_next() {
    const bool bounded = info_->bands_at_once < info_->bands.size();
    if (begun_count_ - done_ >= info_->bands_at_once) return std::nullopt;
    for (std::size_t band = 0; band < begun_.size(); ++band) {
      if (begun_[band]) continue;
      if (ready(info_->bands[band].needs)) {
        begun_[band] = true;
        ++begun_count_;
        return static_cast<std::uint32_t>(band);
      }
      if (bounded) return std::nullopt;
    }
    return std::nullopt;
  }

  /// A band that was begun has ended; true when it was the last one.
  bool end_one() { return ++done_ == begun_.size(); }

 private:
  bool ready(tensor::RowRange needs) const {
    for (auto row = needs.begin; row < needs.end; ++row)
      if (!written_[row]) return false;
    return true;
  }

  const protocol::ValueInfo* info_;
  std::vector<bool> written_, begun_;
  std::size_t begun_count_ = 0, done_ = 0;
};

}  // namespace blindsight::actors
