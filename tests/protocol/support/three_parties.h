#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "protocol/core/protocol.h"

namespace blindsight::protocol::testing {

/// One message as it crossed, for tests that look at what a party sees.
struct Crossed {
  PartyId from, to;
  ValueId value;
  std::uint32_t band;
  std::uint16_t round;
  Payload payload;
};

/// Three parties in one thread: carries their bytes, in an order that a seed decides, counts them and keeps the
/// transcript.
class ThreeParties {
 public:
  struct Options {
    std::uint64_t seed = 1;  ///< of the keys and of the order of delivery
    bool keep_transcript = false;
    MaskLedger* ledger = nullptr;
    std::function<void(Crossed&)> tamper = {};  ///< sees, and may change, each message before it is delivered
  };

  /// Shares the weights and runs the set-up.
  ThreeParties(Bound bound, const std::vector<LayerWeights>& weights, Options options);

  /// From now on all messages sent in one round arrive together before the next, as the declared rounds count them,
  /// instead of in any order.
  void deliver_in_rounds() { in_rounds_ = true; }

  /// Deals and prepares a pack at all parties.
  void preprocess(PackId pack);
  /// One query with the pack's material; throws std::runtime_error with the step's error if one fails.
  std::vector<std::int64_t> predict(PackId pack, std::span<const std::int64_t> input);
  /// predict() with fresh shares chosen by the caller.
  std::vector<std::int64_t> predict_shares(PackId pack, const std::array<Payload, 2>& shares);

  /// What a party keeps of a prepared pack that was not used yet.
  std::size_t pack_bytes(PackId pack, PartyId p) const;

  const Cost& set_up_cost() const { return set_up_; }
  const std::vector<Cost>& offline_cost() const { return offline_; }  ///< by value, of the last pack
  const std::vector<Cost>& online_cost() const { return online_; }
  /// By value, of the last query; only when delivering in rounds.
  const std::vector<std::size_t>& rounds() const { return rounds_; }
  const std::vector<Crossed>& transcript() const { return transcript_; }
  const Program& program(PartyId p) const { return *programs_[static_cast<unsigned>(p)]; }

 private:
  struct Running {
    PartyId party;
    ValueId value;
    std::uint32_t band;
    std::unique_ptr<Step> step;
    std::size_t at_once = static_cast<std::size_t>(-1);  ///< of its value at its party
    std::size_t begins_after = 0;                        ///< steps of a bounded value begin in this order
    bool begun = false, done = false;
  };
  /// The rounds that it took when delivering in rounds. `first`: from the client, there from the beginning.
  std::size_t run(std::vector<Running>& steps, std::vector<Crossed> first,
                  const std::function<Cost&(std::size_t)>& cost);

  Bound bound_;
  Options options_;
  std::mt19937_64 order_;
  std::array<std::vector<Payload>, 3> weight_shares_;
  std::array<std::unique_ptr<Program>, 3> programs_;
  /// Of a pack at all parties; opened once, so that a test can ask for the use of a pack again, which the actors
  /// refuse.
  const std::array<PackKeysPtr, 3>& keys(PackId pack);

  std::array<std::unique_ptr<KeyRing>, 3> rings_;
  std::map<PackId, std::array<PackKeysPtr, 3>> keys_;
  std::map<PackId, std::array<std::vector<std::vector<std::unique_ptr<BandMaterial>>>, 3>> packs_;
  std::array<std::vector<Payload>, 2> answers_;
  Cost set_up_;
  std::vector<Cost> offline_, online_;
  bool in_rounds_ = false;
  std::vector<std::size_t> rounds_;
  std::vector<Crossed> transcript_;
};

/// Three parties' keys, which depend on the seed alone.
std::array<std::unique_ptr<KeyRing>, 3> rings_from_seed(std::uint64_t seed, MaskLedger* ledger = nullptr);
/// Of one pack.
std::array<PackKeysPtr, 3> keys_from_seed(std::uint64_t seed, PackId pack, MaskLedger* ledger = nullptr);
/// One of those, for a generator that a test makes itself: a party's with `peer`, or its own.
Key key_from_seed(std::uint64_t seed, PackId pack, PartyId party, PartyId peer);

}  // namespace blindsight::protocol::testing
