#pragma once

#include <optional>

#include "protocol/beaver/dealing.h"
#include "protocol/core/layout.h"
#include "protocol/core/program.h"
#include "protocol/core/routine.h"
#include "tensor/kernels/conv.h"

namespace blindsight::protocol::beaver {

/// Numbers of the fields that all protocols of this family deal; their own begin at 16.
enum class Field : std::uint8_t {
  filter_mask = 1,  ///< B
  input_mask,       ///< A, of the value that it hides, by absolute element
  product,          ///< C, a sharing of A*B
  zero,             ///< the servers' common sharing of zero
};

/// What a party computes one layer with. Convolutions are direct: these rings have no bits to spend on Winograd.
template <class Word>
struct Filters {
  std::optional<tensor::PreparedFilter<Word>> weights;  ///< server j: B_j, at server 0 plus F; multiplies the open E
  std::optional<tensor::PreparedFilter<Word>> masked;   ///< servers: F = W - B, open; multiplies A_j
  std::optional<tensor::PreparedFilter<Word>> mask;     ///< producer: B
};

/// A layer's weights shared for the servers, words of the ring: filter, then bias; each share alone is uniform.
template <class Word>
Result<std::array<Payload, 2>> share_layer(const LayerSpec& layer, const LayerWeights& weights);
template <class Word>
std::size_t weight_share_bytes(const LayerSpec& layer);
/// This server's share of the bias of `rows` of the linear result; the same for all rows where it is one for each
/// channel. For add_bias(bias, 0, rows).
template <class Word>
Buffer<Word> bias_share(const LayerSpec& layer, const Payload& weight_share, tensor::RowRange rows);

/// Server: opens F = W - B to the other one under a mask B that `source` brings; one message each way. With reused
/// triples once a session and layer; with fresh ones for every product, each time under another B.
template <class Word>
Routine<Filters<Word>> open_filter(Channel& channel, ShareSource& source, const LayerSpec& layer,
                                   const Payload& weight_share);
/// Filters that open_filter() holds at once, in words, beside what it prepares.
constexpr std::size_t filters_held_in_opening = 3;
/// Producer: B, prepared.
template <class Word>
Filters<Word> filter_mask(Dealer& dealer, const LayerSpec& layer);

/// Elements [first, first + n) of a server's share A_j of a value's mask, as drawn from `prg`.
template <class Word>
Buffer<Word> input_mask(const Prg& prg, PackId pack, ValueId value, std::size_t first, std::size_t n);
/// Producer: both shares added.
template <class Word>
Buffer<Word> input_mask(const ShareKeys& keys, PackId pack, ValueId value, std::size_t first, std::size_t n);

/// Producer: a sharing of A*B for a band's rows, A the mask of the value that the layer reads.
template <class Word>
void deal_product(Dealer& dealer, const ShareKeys& keys, PackId pack, ValueId read, const LayerSpec& layer,
                  const BandLayout& band, const Filters<Word>& filters);

/// Adds a fresh sharing of zero from the servers' common randomness, so that the shares say nothing but their sum.
template <class Word>
void add_zero(const Prg& with_other_server, const Stream& stream, PartyId self, std::span<Word> shares);

/// Bytes of a layer's filter.
template <class Word>
constexpr std::size_t filter_bytes(const LayerSpec& layer) {
  return layer.conv.filter_elements() * sizeof(Word);
}

}  // namespace blindsight::protocol::beaver
