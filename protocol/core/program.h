#pragma once

#include <array>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/core/layer_spec.h"
#include "protocol/core/step.h"
#include "protocol/core/work.h"
#include "protocol/prg/pack_keys.h"
#include "tensor/ring.h"

namespace blindsight::protocol {

/// A value at one party while a query runs (in Blink: the public, masked activations E). Its bytes mean something to
/// the protocol only. Steps of different bands write disjoint rows; a band may begin when the rows that it `needs` have
/// been written.
using MaskedMap = tensor::Buffer<std::uint8_t>;

/// What a party keeps of one pack for one band. Handed out once, by move: whoever holds it may use the masks, and
/// nobody else can.
class BandMaterial {
 public:
  /// `work`: what it was prepared for, and what alone may be done with it.
  explicit BandMaterial(const Work& work) : work_(work) {}
  virtual ~BandMaterial() = default;
  const Work& work() const { return work_; }
  virtual std::size_t bytes() const = 0;  ///< memory held, for the store's bound and metrics

 private:
  Work work_;
};

/// A program's own material for this work. Throws std::invalid_argument when there is none, or another work's: a mask
/// must not hide two values.
template <class Own>
std::unique_ptr<Own> material_of(const Work& work, std::unique_ptr<BandMaterial> material) {
  if (!material) throw std::invalid_argument("a band without its material");
  if (material->work() != work) throw std::invalid_argument("a band with the material of another");
  return std::unique_ptr<Own>(static_cast<Own*>(material.release()));
}

/// The keys with which this work on a pack is done. Throws std::invalid_argument for another pack's, and for the
/// set-up's, which has no bands.
inline PackKeysPtr keys_of(const Work& work, PackKeysPtr keys) {
  if (work.pack == set_up_pack) throw std::invalid_argument("pack 0 is the set-up's");
  if (!keys || keys->pack() != work.pack) throw std::invalid_argument("a band without the keys of its pack");
  return keys;
}

/// A band of a value's rows, with the rows that its making reads of the value before it.
struct BandInfo {
  tensor::RowRange needs, makes;
};

/// How a value is made. The input and the output are one band each: one message from the client, one message to it.
struct ValueInfo {
  std::string name;           ///< of the layer that makes it; "input" for the client's image
  std::size_t map_bytes = 0;  ///< of the MaskedMap; 0 for the output, which the client alone can read
  std::vector<BandInfo> bands;
  /// Bands of one query that may be under way at once, so that a step with much state does not fill the memory; all
  /// parties begin them in rising order.
  std::size_t bands_at_once = static_cast<std::size_t>(-1);
};

/// One party's part in a protocol for one model and one session. Everything but set_up's completion is const and
/// thread-safe. Steps returned by it stay valid only as long as the program. The caller checks a Work's value and band
/// against values(); its layer follows from its value (work.h).
///
/// A program has no keys of its own: each step is given those of its pack and holds them for as long as it needs them,
/// so that they are gone when the pack is.
class Program {
 public:
  virtual ~Program() = default;

  /// By ValueId, the client's image first.
  virtual const std::vector<ValueInfo>& values() const = 0;

  /// Brings a layer of this deployment into working form (in Blink: opens F = W - B, prepares filters). Run once per
  /// layer per session before anything else on it; null when this party has nothing to do there. `keys`: of
  /// set_up_pack. No later step needs them: what the producer deals with is the mask B itself, not its key.
  virtual std::unique_ptr<Step> set_up(LayerId layer, PackKeysPtr keys) = 0;

  /// The work of one band ahead of time: the producer deals (its step sends and is done), a server receives and
  /// prepares. The server's material is put into `material` when the step is done. Null when this party has nothing to
  /// do.
  virtual std::unique_ptr<Step> preprocess(const Work& work, PackKeysPtr keys,
                                           std::unique_ptr<BandMaterial>& material) const = 0;

  /// The work of one band online, consuming its material. `in`: the value that the layer reads (null for the input,
  /// whose step awaits a message from the client in round 0); `out`: the value that it makes (null for the output,
  /// whose step sends to the client). Null when this party takes no part online. A producer that helps online has
  /// neither maps nor material: all that it needs follows from its keys and the pack.
  virtual std::unique_ptr<Step> online(const Work& work, PackKeysPtr keys, std::shared_ptr<const MaskedMap> in,
                                       std::shared_ptr<MaskedMap> out,
                                       std::unique_ptr<BandMaterial> material) const = 0;

  /// Whether `online` is called at this party.
  virtual bool online_party() const = 0;
};

/// What a party brings to make its program.
struct PartyContext {
  PartyId self;
  /// This server's weight shares, one payload per layer, as share_weights() made them; empty at the producer. Lives as
  /// long as the program.
  std::span<const Payload> weight_shares;
};

}  // namespace blindsight::protocol
