#pragma once

#include <optional>

#include "protocol/blink/fields.h"
#include "protocol/blink/layout.h"
#include "protocol/blink/widths.h"
#include "protocol/core/step.h"
#include "protocol/prg/pack_keys.h"
#include "tensor/kernels/conv.h"

namespace blindsight::protocol::blink {

/// What a party computes with in one linear layer: the servers W_i (its share) and F = W - B (open), the producer B.
struct Filters {
  std::optional<tensor::PreparedFilter<Word32>> weights, masked, mask;
  Buffer<Word32> bias;  ///< this server's share
};

/// A layer's weights shared for the servers: K-bit packed filter and bias, uniform each by itself.
Result<std::array<Payload, 2>> share_layer(const LayerSpec& layer, const Widths& w, const LayerWeights& weights);
std::size_t weight_share_bytes(const LayerSpec& layer, const Widths& w);

/// Server, once a deployment and session: opens F = W - B to the other server (one message each way; B is uniform,
/// known in full to the producer alone, and its key is of this session, served model and deployment, so no two weights
/// are ever opened under one B).
class OpenFilter final : public Step {
 public:
  OpenFilter(const LayerSpec& layer, const Widths& w, ValueId value, PartyId self, PackKeysPtr keys,
             const Payload& weight_share, Filters& out)
      : layer_(layer),
        w_(w),
        value_(value),
        self_(self),
        keys_(std::move(keys)),
        weight_share_(weight_share),
        out_(out) {}

  Result<Progress> begin() override;
  Result<Progress> advance(Inbound message) override;

 private:
  const LayerSpec& layer_;
  Widths w_;
  ValueId value_;  ///< that the layer makes: the name of B
  PartyId self_;
  PackKeysPtr keys_;
  const Payload& weight_share_;
  Filters& out_;
  Buffer<Word32> own_;
};

/// Producer: B = B0 + B1, prepared.
void prepare_mask(const LayerSpec& layer, const Widths& w, ValueId value, const Prg& with_server0,
                  const Prg& with_server1, Filters& out);

/// A party's share A_i of the mask of `value`, which the layer reads, for the rows that a band reads, mod 2^K.
Buffer<Word32> input_mask_rows(const LayerSpec& layer, const Widths& w, PackId pack, ValueId value, const Prg& prg,
                               tensor::RowRange rows);

/// Producer: deals C, a sharing of the band's rows of A*B (shifted inside the product, before it is shared).
void deal_product(Dealer& dealer, const LayerSpec& layer, const Widths& w, PackId pack, ValueId read,
                  const BandLayout& band, const Prg& with_server0, const Prg& with_server1, const Filters& filters);
/// Server, ahead of time: G_i = A_i*F + C_i + bias_i, a share of A*W + bias.
Buffer<Word32> prepare_product(ShareSource& source, const LayerSpec& layer, const Widths& w, PackId pack, ValueId read,
                               const BandLayout& band, const Prg& with_producer, const Filters& filters);
std::size_t product_correction_bytes(const LayerSpec& layer, const Widths& w, const BandLayout& band);

/// Server, online, no message: Z_i = E*W_i + G_i for the band's rows. `map`: the open E of the whole value.
void linear_rows(const LayerSpec& layer, const BandLayout& band, const Filters& filters, std::span<const Word32> map,
                 Buffer<Word32>& product);

}  // namespace blindsight::protocol::blink
