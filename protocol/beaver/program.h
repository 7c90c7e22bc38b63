#pragma once

#include "protocol/beaver/linear.h"

namespace blindsight::protocol::beaver {

/// One band of one layer for one query, as a protocol's own part sees it.
struct BandContext {
  const LayerSpec& layer;
  const BandLayout& layout;
  Dealing::Randomness randomness;
  Stream stream;  ///< of the band: kind and level are the slots'
};

/// What the non-linear part of a band costs.
struct NonlinearCost {
  Cost dealt;   ///< by the producer in the band's one message
  Cost online;  ///< everything else
};

/// What a protocol adds to the linear part that all of the family share.
template <class Word>
struct Scheme {
  /// Whether the producer deals ahead of the queries and is done; otherwise it deals and helps while they run.
  bool deals_ahead;
  std::size_t band_elements;  ///< of a convolution's output in one band, about
  std::size_t bands_at_once;

  /// Server: from the linear result (not truncated) to the map after ReLU.
  Routine<Buffer<Word>> (*evaluate)(Channel&, ShareSource&, const BandContext&, const Prg& with_other_server,
                                    Buffer<Word> linear);
  /// Producer: what `evaluate` reads from its source.
  void (*deal)(Dealer&, const BandContext&);
  /// Producer: its part while `evaluate` runs; null when it has none.
  Routine<> (*help)(Channel&, const BandContext&, const ShareKeys&);

  NonlinearCost (*cost)(const BandContext&);
  /// Bytes that `evaluate` or `help` holds at once, about.
  std::size_t (*working)(const LayerSpec&, const BandLayout&);
};

/// What every protocol of the family needs of a network: shapes that fit, and bands that a stream's name can tell
/// apart, so that no mask serves two of them. And of each layer what the protocol's own check says.
template <class Word>
Result<void> check(const Scheme<Word>& scheme, Result<void> (*check_layer)(const NetworkSpec&, LayerId),
                   const NetworkSpec& network);

/// The network must have passed the protocol's check.
template <class Word>
Result<std::unique_ptr<Program>> make_program(const Scheme<Word>& scheme, const NetworkSpec& network,
                                              const PartyContext& party);
template <class Word>
Cost online_cost(const Scheme<Word>& scheme, const NetworkSpec& network, ValueId value);
template <class Word>
Cost offline_cost(const Scheme<Word>& scheme, const NetworkSpec& network, ValueId value);
template <class Word>
Cost set_up_cost(const NetworkSpec& network, LayerId layer);
template <class Word>
Memory memory(const Scheme<Word>& scheme, const NetworkSpec& network, PartyId party);

/// Data owner: words of the ring; server 0's share is uniform, server 1's the difference.
template <class Word>
Result<std::array<Payload, 2>> share_input(const NetworkSpec& network, std::span<const std::int64_t> input);
template <class Word>
std::array<std::size_t, 2> input_share_bytes(const NetworkSpec& network);
template <class Word>
Result<std::vector<std::int64_t>> reveal_output(const NetworkSpec& network, std::span<const Payload, 2> messages);

/// The entry of the table of protocols: fills in what the family shares. `own`: name, summary, what the protocol
/// allows, check_layer and stated_error.
template <class Word, const Scheme<Word>& scheme, Result<void> (*check_layer)(const NetworkSpec&, LayerId)>
constexpr Protocol complete(Protocol own) {
  own.dealing_choices = true;
  own.winograd = false;
  own.producer_online = !scheme.deals_ahead;
  // One ring of whole words; what a value needs of it is the layer's range.
  own.rings = [](const NetworkSpec&, LayerId) { return Rings{8 * sizeof(Word), 0, 8 * sizeof(Word)}; };
  own.check_layer = check_layer;
  own.check = [](const NetworkSpec& n) { return check(scheme, check_layer, n); };
  own.make_program = [](const NetworkSpec& n, const PartyContext& p) { return make_program(scheme, n, p); };
  own.online_cost = [](const NetworkSpec& n, ValueId value) { return online_cost(scheme, n, value); };
  own.offline_cost = [](const NetworkSpec& n, ValueId value) { return offline_cost(scheme, n, value); };
  own.set_up_cost = set_up_cost<Word>;
  own.memory = [](const NetworkSpec& n, PartyId party) { return memory(scheme, n, party); };
  own.share_weights = [](const NetworkSpec& n, std::size_t layer, const LayerWeights& w) {
    return share_layer<Word>(n.layers.at(layer), w);
  };
  own.weight_share_bytes = [](const NetworkSpec& n, std::size_t layer) {
    const std::size_t bytes = weight_share_bytes<Word>(n.layers.at(layer));
    return std::array{bytes, bytes};
  };
  own.share_input = share_input<Word>;
  own.input_share_bytes = input_share_bytes<Word>;
  own.reveal_output = reveal_output<Word>;
  return own;
}

}  // namespace blindsight::protocol::beaver
