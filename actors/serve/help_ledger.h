#pragma once

#include <map>

#include "protocol/core/party.h"
#include "protocol/core/program.h"

namespace blindsight::actors {

/// The book of a producer that helps online, for one session: which packs a query may begin with. Every announced pack
/// is started or cancelled once; whatever would use its randomness twice is refused. A plain value, without messages.
class HelpLedger {
 public:
  using PackId = protocol::PackId;
  enum class Start { begin, cancelled, refused };

  /// The dealer announces packs in rising order, without gaps.
  void announce(PackId pack) {
    if (first_ == 0) first_ = pack;
    last_ = pack;
    state_[pack] = State::announced;
  }

  /// Server 0 says that a query begins with this pack. `cancelled`: a server has given the query up meanwhile.
  Start start(PackId pack) {
    auto it = state_.find(pack);
    if (it == state_.end()) return Start::refused;
    if (it->second == State::announced) {
      state_.erase(it);
      return Start::begin;
    }
    state_.erase(it);
    return Start::cancelled;
  }

  /// A server has given a query up. False for a pack that was never announced. After server 0 has, it starts none; its
  /// start may still be on its way when server 1 has.
  bool cancel(PackId pack, protocol::PartyId by) {
    if (first_ == 0 || pack < first_ || pack > last_) return false;
    if (auto it = state_.find(pack); it != state_.end()) {
      if (by == protocol::PartyId::server0)
        state_.erase(it);
      else
        it->second = State::cancelled;
    }
    return true;
  }

 private:
  enum class State { announced, cancelled };

  PackId first_ = 0, last_ = 0;
  std::map<PackId, State> state_;  ///< those that were not started
};

}  // namespace blindsight::actors
