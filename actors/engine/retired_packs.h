#pragma once

#include <set>

#include "protocol/core/work.h"

namespace blindsight::actors {

/// Packs that are over, so that messages still on their way are dropped. Packs end nearly in order: the set stays
/// small. A plain value.
class RetiredPacks {
 public:
  /// Packs are announced in rising order: there is none before the first.
  void announced(protocol::PackId pack) {
    if (below_ == 0) below_ = pack;
  }
  void add(protocol::PackId pack) {
    packs_.insert(pack);
    while (packs_.contains(below_)) packs_.erase(below_++);
  }
  bool contains(protocol::PackId pack) const { return pack < below_ || packs_.contains(pack); }
  /// Numbers that are held, for the bound on memory.
  std::size_t held() const { return packs_.size(); }

 private:
  protocol::PackId below_ = 0;
  std::set<protocol::PackId> packs_;
};

}  // namespace blindsight::actors
