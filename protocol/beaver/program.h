#pragma once

#include "protocol/beaver/linear.h"
#include "protocol/core/protocol.h"

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

  /// As the functions of these names in Protocol and Costs.
  Result<void> (*check_layer)(const LayerSpec&);
  double (*stated_error)(const LayerSpec&);
};

/// A protocol of the family: its traits, where they are not the family's, and its scheme, which must live as long.
template <class Word>
class BeaverProtocol final : public Protocol {
 public:
  BeaverProtocol(Traits own, const Scheme<Word>& scheme);

  /// One ring of whole words; what a value needs of it is the layer's range.
  Rings rings(const NetworkSpec&, LayerId) const override { return {8 * sizeof(Word), 0, 8 * sizeof(Word)}; }
  Result<void> check_layer(const NetworkSpec& network, LayerId layer) const override {
    return scheme_.check_layer(network.layers[layer]);
  }
  /// Beside the scheme's: shapes that fit, and bands that a stream's name can tell apart, so that no mask serves two of
  /// them.
  Result<void> check(const NetworkSpec& network, const Dealing& dealing) const override;

 private:
  Bound bound_to(const NetworkSpec& network, const Dealing& dealing) const override;

  const Scheme<Word>& scheme_;
};

}  // namespace blindsight::protocol::beaver
