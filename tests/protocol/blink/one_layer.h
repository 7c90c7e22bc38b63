#pragma once

#include "protocol/blink/conv2d.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink::testing {

/// The first layer of a network at both servers and the producer, its filter opened: what its bands need.
struct OneLayer {
  protocol::testing::Net net;
  std::array<SessionKeys, 3> keys;
  Widths w = widths(net.spec, 0);
  std::array<Prg, 2> with_producer{Prg(keys[0].with[2], keys[0].ledger), Prg(keys[1].with[2], keys[1].ledger)};
  std::array<Prg, 2> with_other{Prg(keys[0].with[1]), Prg(keys[1].with[0])};
  Prg own{keys[2].own};
  std::array<Payload, 2> weight_shares{*share_layer(layer(), w, net.weights[0])};
  std::array<Filters, 2> filters;
  Filters mask;

  /// Throws std::runtime_error with a step's error.
  explicit OneLayer(protocol::testing::Net of, MaskLedger* ledger = nullptr);

  const LayerSpec& layer() const { return net.spec.layers[0]; }
  /// A: of the whole value that the layer reads.
  Buffer<Word32> input_mask(PackId pack) const;
  /// E = X - A mod 2^K, as the servers have it open.
  Buffer<Word32> masked(PackId pack, std::span<const std::int64_t> x) const;
};

}  // namespace blindsight::protocol::blink::testing
