#pragma once

#include "protocol/blink/conv2d.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink::testing {

/// The first layer of a network at both servers and the producer, its filter opened: what its bands need.
struct OneLayer {
  static constexpr PackId pack = 5;  ///< whose bands can be run

  protocol::testing::Net net;
  std::array<PackKeysPtr, 3> set_up_keys, keys;  ///< by PartyId: under which the filter is opened, and the pack's
  Widths w = widths(net.spec, 0);
  std::array<Payload, 2> weight_shares{*share_layer(layer(), w, net.weights[0])};
  std::array<Filters, 2> filters;
  Filters mask;

  /// Throws std::runtime_error with a step's error.
  explicit OneLayer(protocol::testing::Net of, MaskLedger* ledger = nullptr);

  const LayerSpec& layer() const { return net.spec.layers[0]; }
  /// Of the pack: what a server and the producer draw from.
  const Prg& with_producer(unsigned server) const { return keys[server]->with(PartyId::producer); }
  /// A: of the whole value that the layer reads.
  Buffer<Word32> input_mask() const;
  /// E = X - A mod 2^K, as the servers have it open.
  Buffer<Word32> masked(std::span<const std::int64_t> x) const;
};

}  // namespace blindsight::protocol::blink::testing
