#pragma once

#include <memory>

#include "protocol/prg/key_tree.h"
#include "protocol/prg/prg.h"

namespace blindsight::protocol {

/// The pack under whose keys a model is set up.
inline constexpr PackId set_up_pack = 0;

/// What one party draws from in all work on one pack of one served model. The keys are wiped when the last who works
/// on the pack lets go of them; nothing else can bring them back.
class PackKeys {
 public:
  PackKeys(PackId pack, PartyId self, KeySet keys, MaskLedger* ledger = nullptr);
  PackKeys(const PackKeys&) = delete;
  PackKeys& operator=(const PackKeys&) = delete;

  PackId pack() const { return pack_; }
  /// Known to this party and `peer` alone.
  const Prg& with(PartyId peer) const;
  /// Known to this party alone.
  const Prg& own() const { return prgs_[static_cast<std::size_t>(self_)]; }

 private:
  PackId pack_;
  PartyId self_;
  std::array<Prg, 3> prgs_;
};

using PackKeysPtr = std::shared_ptr<const PackKeys>;

/// One party's keys of all packs of one served model in one session. All parties have equal keys for a pack, whichever
/// packs each of them opened before or left out. For one thread at a time.
class KeyRing {
 public:
  /// `ledger`: tests only.
  KeyRing(PartyId self, const KeySet& roots, MaskLedger* ledger = nullptr);

  /// Once for each pack and in rising order, the set-up first: packs below are then erased here, and this one lives as
  /// long as its keys are held. The error: the pack is behind one that was opened, or not below 2^48 (a stream's name
  /// has no room for it). A peer may name any pack: what that costs is bounded (KeyTree).
  Result<PackKeysPtr> open(PackId pack);

 private:
  PartyId self_;
  KeyTree tree_;
  MaskLedger* ledger_;
};

}  // namespace blindsight::protocol
