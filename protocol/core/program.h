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
#include "protocol/prg/prg.h"
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
class Program {
 public:
  virtual ~Program() = default;

  /// By ValueId, the client's image first.
  virtual const std::vector<ValueInfo>& values() const = 0;

  /// Brings a layer of this deployment into working form (in Blink: opens F = W - B, prepares filters). Run once per
  /// layer per session before anything else on it; null when this party has nothing to do there.
  virtual std::unique_ptr<Step> set_up(LayerId layer) = 0;

  /// The work of one band ahead of time: the producer deals (its step sends and is done), a server receives and
  /// prepares. The server's material is put into `material` when the step is done. Null when this party has nothing to
  /// do.
  virtual std::unique_ptr<Step> preprocess(const Work& work, std::unique_ptr<BandMaterial>& material) const = 0;

  /// The work of one band online, consuming its material. `in`: the value that the layer reads (null for the input,
  /// whose step awaits a message from the client in round 0); `out`: the value that it makes (null for the output,
  /// whose step sends to the client). Null when this party takes no part online. A producer that helps online has
  /// neither maps nor material: all that it needs follows from its keys and the pack.
  virtual std::unique_ptr<Step> online(const Work& work, std::shared_ptr<const MaskedMap> in,
                                       std::shared_ptr<MaskedMap> out,
                                       std::unique_ptr<BandMaterial> material) const = 0;

  /// Whether `online` is called at this party.
  virtual bool online_party() const = 0;
};

/// What a party brings to make its program.
struct PartyContext {
  PartyId self;
  SessionKeys keys;
  /// This server's weight shares, one payload per layer, as share_weights() made them; empty at the producer. Lives as
  /// long as the program.
  std::span<const Payload> weight_shares;
};

/// What one party keeps in memory, in bytes, as far as the network's shapes tell.
struct Memory {
  std::size_t deployment = 0;  ///< for the whole session: weight shares, prepared filters and masks
  std::size_t set_up = 0;      ///< more than that while a session is set up, before there are packs
  std::size_t per_pack = 0;    ///< of a prepared pack: the sum of BandMaterial::bytes() over its bands, to the byte
  std::size_t per_query = 0;   ///< more than its pack while a query runs: maps, and messages of the largest layer
  std::size_t working = 0;     ///< temporaries of one band in work, the largest
};

/// What a protocol computes one layer in.
struct Rings {
  unsigned linear_bits;  ///< ring of the layer's input, weights, biases and linear result
  unsigned small_bits;   ///< ring of max pools and ReLU; 0: the protocol has none but the linear one
  unsigned word_bits;    ///< of a word of the linear ring, in which a map and prepared weights are kept
};

/// A protocol, as the rest of the house sees it. All functions are pure but for randomness from the operating system
/// where said.
struct Protocol {
  std::string_view name;
  std::string_view summary;  ///< one line for --help: what it promises and what it costs
  /// Whether it protects anything. A client must be told by name to use one that does not.
  bool hides = true;
  /// Whether NetworkSpec::dealing may be anything but the default.
  bool dealing_choices = false;
  /// Whether ReLU is max(x, 0); otherwise it is LayerSpec::relu_fit, and a layer with ReLU must have one.
  bool exact_relu = true;
  /// Whether convolutions use LayerSpec::algorithm; otherwise they are direct, because the ring has no bits to spend.
  bool winograd = true;
  /// Whether Program::online_party() is true at the producer: the servers then tell it of each query that begins.
  bool producer_online = false;

  /// Sensible for layers that check_layer() takes.
  Rings (*rings)(const NetworkSpec&, LayerId layer) = nullptr;
  /// What must hold of one layer, whatever the widths of those around it (P1 and P2 of docs/protocols/README.md, and
  /// operations that the protocol lacks): all that whoever chooses a layer's bits and algorithm has to ask. The error
  /// names the layer and what to change.
  Result<void> (*check_layer)(const NetworkSpec&, LayerId layer) = nullptr;
  /// Everything that must hold of a network (P1–P8) apart from calibration, check_layer() among it. Errors likewise.
  Result<void> (*check)(const NetworkSpec&) = nullptr;
  Result<std::unique_ptr<Program>> (*make_program)(const NetworkSpec&, const PartyContext&) = nullptr;
  /// Largest deviation of one output of the layer from plaintext::evaluate (with the layer's polynomial where ReLU is
  /// one) while the linear result is within the calibrated range; in units after truncation, window sums included.
  double (*stated_error)(const LayerSpec&) = nullptr;
  /// The declared cost of making one value of one query.
  Cost (*online_cost)(const NetworkSpec&, ValueId value) = nullptr;
  Cost (*offline_cost)(const NetworkSpec&, ValueId value) = nullptr;
  /// Once per deployment and session.
  Cost (*set_up_cost)(const NetworkSpec&, LayerId layer) = nullptr;
  Memory (*memory)(const NetworkSpec&, PartyId) = nullptr;

  /// Model owner: one layer's weights as a payload for each server (fresh randomness from the operating system).
  Result<std::array<Payload, 2>> (*share_weights)(const NetworkSpec&, std::size_t layer, const LayerWeights&) = nullptr;
  /// Bytes of those payloads, by server: what a server accepts when a model is deployed.
  std::array<std::size_t, 2> (*weight_share_bytes)(const NetworkSpec&, std::size_t layer) = nullptr;
  /// Data owner: the encoded input (integers at the plan's input scale, network.input order) as the input's round-0
  /// payload for each server.
  Result<std::array<Payload, 2>> (*share_input)(const NetworkSpec&, std::span<const std::int64_t>) = nullptr;
  /// Bytes of those payloads, by server: checked before a pack is spent on a query.
  std::array<std::size_t, 2> (*input_share_bytes)(const NetworkSpec&) = nullptr;
  /// Data owner: the last layer's payloads of both servers to the output integers.
  Result<std::vector<std::int64_t>> (*reveal_output)(const NetworkSpec&, std::span<const Payload, 2>) = nullptr;
};

/// The table of protocols (protocol/table.cpp: one line each). Null when there is none of that name.
const Protocol* find_protocol(std::string_view name);
std::vector<std::string_view> protocol_names();
/// The table's first: what is used where nobody names another.
const Protocol& default_protocol();

}  // namespace blindsight::protocol
