#include "protocol/prg/pack_keys.h"

#include <stdexcept>
#include <string>

namespace blindsight::protocol {

PackKeys::PackKeys(PackId pack, PartyId self, KeySet keys, MaskLedger* ledger)
    : pack_(pack),
      self_(self),
      prgs_{Prg(std::move(keys[0]), ledger), Prg(std::move(keys[1]), ledger), Prg(std::move(keys[2]), ledger)} {}

const Prg& PackKeys::with(PartyId peer) const {
  if (peer == self_ || static_cast<std::size_t>(peer) >= prgs_.size())
    throw std::logic_error("a party shares keys with the other two");
  return prgs_[static_cast<std::size_t>(peer)];
}

KeyRing::KeyRing(PartyId self, const KeySet& roots, MaskLedger* ledger)
    : self_(self), tree_(roots, Stream::pack_bits), ledger_(ledger) {}

Result<PackKeysPtr> KeyRing::open(PackId pack) {
  auto keys = tree_.take(pack);
  if (!keys) return tl::unexpected(within("the keys of a pack: ", keys.error()));
  return std::make_shared<const PackKeys>(pack, self_, std::move(*keys), ledger_);
}

}  // namespace blindsight::protocol
