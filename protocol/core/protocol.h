#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/core/dealing.h"
#include "protocol/core/layer_spec.h"
#include "protocol/core/program.h"
#include "protocol/core/result.h"
#include "protocol/core/step.h"
#include "protocol/core/work.h"

/// A protocol as the rest of the house sees it. It is asked what it can run and then bound to a network and a way of
/// dealing; what comes of that has an interface for each of those who use it, so that a decorator wraps one of them and
/// keeps what it needs. All functions are const, safe from any thread, and pure but for randomness from the operating
/// system where said.
namespace blindsight::protocol {

/// What a protocol computes one layer in.
struct Rings {
  unsigned linear_bits;  ///< ring of the layer's input, weights, biases and linear result
  unsigned small_bits;   ///< ring of max pools and ReLU; 0: the protocol has none but the linear one
  unsigned word_bits;    ///< of a word of the linear ring, in which a map and prepared weights are kept
};

/// What one party keeps in memory, in bytes, as far as the network's shapes tell.
struct Memory {
  std::size_t deployment = 0;  ///< for the whole session: weight shares, prepared filters and masks
  std::size_t set_up = 0;      ///< more than that while a session is set up, before there are packs
  std::size_t per_pack = 0;    ///< of a prepared pack: the sum of BandMaterial::bytes() over its bands, to the byte
  std::size_t per_query = 0;   ///< more than its pack while a query runs: maps, and messages of the largest layer
  std::size_t working = 0;     ///< temporaries of one band in work, the largest
};

/// For the three parties.
class Parties {
 public:
  virtual ~Parties() = default;
  virtual Result<std::unique_ptr<Program>> make_program(const PartyContext& party) const = 0;
};

/// For those who own a model or an image.
class Clients {
 public:
  virtual ~Clients() = default;
  /// Model owner: one layer's weights as a payload for each server (fresh randomness from the operating system).
  virtual Result<std::array<Payload, 2>> share_weights(LayerId layer, const LayerWeights& weights) const = 0;
  /// Bytes of those payloads, by server: what a server accepts when a model is deployed.
  virtual std::array<std::size_t, 2> weight_share_bytes(LayerId layer) const = 0;
  /// Data owner: the encoded input (integers at the plan's input scale, network.input order) as the input's round-0
  /// payload for each server.
  virtual Result<std::array<Payload, 2>> share_input(std::span<const std::int64_t> input) const = 0;
  /// Bytes of those payloads, by server: checked before a pack is spent on a query.
  virtual std::array<std::size_t, 2> input_share_bytes() const = 0;
  /// Data owner: the last layer's payloads of both servers to the output integers.
  virtual Result<std::vector<std::int64_t>> reveal_output(std::span<const Payload, 2> messages) const = 0;
};

/// For whoever wants to know before it happens.
class Costs {
 public:
  virtual ~Costs() = default;
  /// The declared cost of making one value of one query.
  virtual Cost online(ValueId value) const = 0;
  virtual Cost offline(ValueId value) const = 0;
  /// Once per deployment and session.
  virtual Cost set_up(LayerId layer) const = 0;
  virtual Memory memory(PartyId party) const = 0;
  /// Largest deviation of one output of the layer from plaintext::evaluate (with the layer's polynomial where ReLU is
  /// one) while the linear result is within the calibrated range; in units after truncation, window sums included.
  virtual double stated_error(LayerId layer) const = 0;
};

class Protocol;

/// A protocol for one network, which it takes, dealt in one way. Holds what it needs of both.
struct Bound {
  const Protocol* protocol;
  std::shared_ptr<const Parties> parties;
  std::shared_ptr<const Clients> clients;
  std::shared_ptr<const Costs> costs;
};

/// What there is to know of a protocol beforehand.
struct Traits {
  std::string_view name;
  std::string_view summary;  ///< one line for --help: what it promises and what it costs
  /// Whether it protects anything. A client must be told by name to use one that does not.
  bool hides = true;
  /// Whether Dealing may be anything but the default.
  bool dealing_choices = false;
  /// Whether it compares: ReLU is max(x, 0), and there are max pools. Otherwise ReLU is LayerSpec::relu_fit, which a
  /// layer with ReLU must have, and max pools are refused.
  bool compares = true;
  /// Whether convolutions use LayerSpec::algorithm; otherwise they are direct, because the ring has no bits to spend.
  bool winograd = true;
  /// Whether Program::online_party() is true at the producer: the servers then tell it of each query that begins.
  bool producer_online = false;
};

class Protocol : public Traits {
 public:
  explicit constexpr Protocol(const Traits& traits) : Traits(traits) {}
  virtual ~Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;

  /// Sensible for layers that check_layer() takes.
  virtual Rings rings(const NetworkSpec& network, LayerId layer) const = 0;
  /// What must hold of one layer, whatever the widths of those around it (P1 and P2 of docs/protocols/README.md, and
  /// operations that the protocol lacks): all that whoever chooses a layer's bits and algorithm has to ask. The error
  /// names the layer and what to change.
  virtual Result<void> check_layer(const NetworkSpec& network, LayerId layer) const = 0;
  /// Everything that must hold of a network (P1–P8) apart from calibration, check_layer() among it. Errors likewise.
  virtual Result<void> check(const NetworkSpec& network, const Dealing& dealing = {}) const = 0;

  /// The error is check()'s.
  Result<Bound> bind(const NetworkSpec& network, const Dealing& dealing = {}) const;

 private:
  /// Of a network that check() takes.
  virtual Bound bound_to(const NetworkSpec& network, const Dealing& dealing) const = 0;
};

/// The table of protocols (protocol/table.cpp: one line each). Null when there is none of that name.
const Protocol* find_protocol(std::string_view name);
std::vector<std::string_view> protocol_names();
/// The table's first: what is used where nobody names another.
const Protocol& default_protocol();

}  // namespace blindsight::protocol
