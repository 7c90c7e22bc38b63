#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "protocol/core/program.h"

namespace blindsight::actors {

/// One server's book of the packs of a session: which may still be used. Every pack goes announced → ready → spent,
/// once, in the producer's rising order; whatever would use one twice is refused. A plain value, without packs or
/// messages.
class PackLedger {
 public:
  using PackId = protocol::PackId;

  /// Packs that this server has asked for since the session began.
  std::uint64_t wanted() const { return wanted_; }
  /// Asked for and not spent: ready, being prepared or to come.
  std::uint64_t outstanding() const { return wanted_ - spent_; }

  void want(std::uint64_t packs) { wanted_ += packs; }

  /// The producer begins to deal. Why not, or empty: not the next number, or more than was asked for.
  std::string announce(PackId pack) {
    if (pack == 0 || (last_ != 0 && pack != last_ + 1))
      return "pack " + std::to_string(pack) + " was announced, the next is " + std::to_string(last_ + 1);
    if (announced_ >= wanted_) return "pack " + std::to_string(pack) + " was dealt without being asked for";
    last_ = pack;
    ++announced_;
    preparing_.insert(pack);
    return {};
  }

  void prepared(PackId pack) {
    if (preparing_.erase(pack) > 0) ready_.insert(pack);
  }

  bool is_ready(PackId pack) const { return ready_.contains(pack); }

  /// Uses or burns a pack. False when it is not there any more or not yet.
  bool spend(PackId pack) {
    if (ready_.erase(pack) == 0 && preparing_.erase(pack) == 0) return false;
    ++spent_;
    return true;
  }

 private:
  std::uint64_t wanted_ = 0, announced_ = 0, spent_ = 0;
  PackId last_ = 0;
  std::set<PackId> preparing_, ready_;
};

}  // namespace blindsight::actors
