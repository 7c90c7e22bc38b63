#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/core/layer_spec.h"
#include "protocol/core/step.h"
#include "protocol/prg/prg.h"
#include "tensor/ring.h"

namespace blindsight::protocol {

/// Number of a pack of correlations inside a session: dealt by the producer in rising order, used by at most one query.
using PackId = std::uint64_t;

/// The map that one stage hands to the next at one party (in Blink: the public, masked activation E). Its bytes mean
/// something to the protocol only. Steps of different tiles write disjoint rows; a tile may begin when its rows `needs`
/// have been written.
using Plane = tensor::Buffer<std::uint8_t>;

/// What a party keeps of one pack for one tile. Handed out once, by move: whoever holds it may use the masks, and
/// nobody else can.
class TileMaterial {
 public:
  virtual ~TileMaterial() = default;
  virtual std::size_t bytes() const = 0;  ///< memory held, for the store's bound and metrics
};

/// A tile: a band of a stage's output rows, with the rows of the stage's input plane that it reads.
struct TileInfo {
  tensor::RowRange needs, makes;
};

/// A stage: stage 0 turns the client's input share into the plane of stage 1; stage i evaluates layer i - 1 of the
/// network. The first and the last stage are one tile each: one message from the client, one message to it.
struct StageInfo {
  std::string name;
  std::size_t input_plane_bytes = 0;  ///< 0 for stage 0
  std::vector<TileInfo> tiles;
  /// Tiles of one query that may be under way at once, so that a step with much state does not fill the memory; all
  /// parties begin them in rising order.
  std::size_t tiles_at_once = static_cast<std::size_t>(-1);
};

/// One party's part in a protocol for one model and one session. Everything but set_up's completion is const and
/// thread-safe. Steps returned by it stay valid only as long as the program. Stage and tile are checked by the caller
/// against stages().
class Program {
 public:
  virtual ~Program() = default;

  virtual const std::vector<StageInfo>& stages() const = 0;

  /// Brings stage `stage` of this deployment into working form (in Blink: opens F = W - B, prepares filters). Run once
  /// per stage per session before anything else on it; null when this party has nothing to do there.
  virtual std::unique_ptr<Step> set_up(std::size_t stage) = 0;

  /// The work of one tile ahead of time: the producer deals (its step sends and is done), a server receives and
  /// prepares. The server's material is put into `material` when the step is done. Null when this party has nothing to
  /// do.
  virtual std::unique_ptr<Step> preprocess(PackId pack, std::size_t stage, std::size_t tile,
                                           std::unique_ptr<TileMaterial>& material) const = 0;

  /// The work of one tile online, consuming its material. `in`: the stage's input plane (null for stage 0, whose step
  /// awaits a message from the client in round 0); `out`: the next stage's plane (null for the last stage, whose step
  /// sends to the client). Null when this party takes no part online. A producer that helps online has neither planes
  /// nor material: all that it needs follows from its keys and the pack.
  virtual std::unique_ptr<Step> online(PackId pack, std::size_t stage, std::size_t tile,
                                       std::shared_ptr<const Plane> in, std::shared_ptr<Plane> out,
                                       std::unique_ptr<TileMaterial> material) const = 0;

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
  std::size_t per_pack = 0;    ///< of a prepared pack: the sum of TileMaterial::bytes() over its tiles, to the byte
  std::size_t per_query = 0;   ///< more than its pack while a query runs: planes, and messages of the largest stage
  std::size_t working = 0;     ///< temporaries of one tile in work, the largest
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

  /// Everything that must hold of a network (P1–P8 of the design) apart from calibration; the error names the layer and
  /// what to change.
  Result<void> (*check)(const NetworkSpec&) = nullptr;
  Result<std::unique_ptr<Program>> (*make_program)(const NetworkSpec&, const PartyContext&) = nullptr;
  /// Largest deviation of one output of the layer from plaintext::evaluate (with the layer's polynomial where ReLU is
  /// one) while the linear result is within the calibrated range; in units after truncation, window sums included.
  double (*stated_error)(const LayerSpec&) = nullptr;
  /// The declared cost of one stage of one query.
  Cost (*online_cost)(const NetworkSpec&, std::size_t stage) = nullptr;
  Cost (*offline_cost)(const NetworkSpec&, std::size_t stage) = nullptr;
  /// Once per deployment and session.
  Cost (*set_up_cost)(const NetworkSpec&, std::size_t stage) = nullptr;
  Memory (*memory)(const NetworkSpec&, PartyId) = nullptr;

  /// Model owner: one layer's weights as a payload for each server (fresh randomness from the operating system).
  Result<std::array<Payload, 2>> (*share_weights)(const NetworkSpec&, std::size_t layer, const LayerWeights&) = nullptr;
  /// Bytes of those payloads, by server: what a server accepts when a model is deployed.
  std::array<std::size_t, 2> (*weight_share_bytes)(const NetworkSpec&, std::size_t layer) = nullptr;
  /// Data owner: the encoded input (integers at the plan's input scale, network.input order) as stage 0's round-0
  /// payload for each server.
  Result<std::array<Payload, 2>> (*share_input)(const NetworkSpec&, std::span<const std::int64_t>) = nullptr;
  /// Bytes of those payloads, by server: checked before a pack is spent on a query.
  std::array<std::size_t, 2> (*input_share_bytes)(const NetworkSpec&) = nullptr;
  /// Data owner: the last stage's payloads of both servers to the output integers.
  Result<std::vector<std::int64_t>> (*reveal_output)(const NetworkSpec&, std::span<const Payload, 2>) = nullptr;
};

/// The table of protocols (protocol/table.cpp: one line each). Null when there is none of that name.
const Protocol* find_protocol(std::string_view name);
std::vector<std::string_view> protocol_names();

}  // namespace blindsight::protocol
