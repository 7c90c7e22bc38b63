#pragma once

#include "protocol/beaver/dealing.h"
#include "protocol/core/layer_spec.h"
#include "protocol/core/routine.h"

/// The polynomial that stands in for ReLU (LayerSpec::relu_fit), on shares in Z_2^128.
///
/// What it reads is the linear result Z, not truncated yet: t = Z / 2^(f + A), so Z *is* t in fixed point and the
/// truncation after the linear layer costs nothing of its own. Even powers y = t², y², y³, y⁴ come from squares and
/// products of triples (Beaver, CRYPTO 1991), each followed by a local truncation; a last linear combination is
/// truncated to the layer's activation scale. Degree 8 as a8·(y² + b·y + c)² + e·y + g needs one product less than by
/// powers, and is taken where b and c are moderate (a8 is not too small beside a6 and a4).
///
/// Degree 2, 4, 6, 8: 1, 2, 3, 3 openings of one word each way and rounds; 1, 2, 3, 3 words dealt (degree 8 by powers:
/// 4).
namespace blindsight::protocol::pond {

using tensor::Buffer;
using tensor::Word128;

/// Fractional bits of the polynomial's coefficients and, at least, of the powers.
constexpr unsigned coefficient_bits = 32;

/// Words per element that relu() holds at most, messages included.
constexpr std::size_t relu_words_held = 7;

/// What the ReLU of n elements sends.
struct ReluSizes {
  std::size_t rounds;
  std::size_t opened_bytes;               ///< from each server to the other
  std::size_t random_bytes, dealt_bytes;  ///< Dealer::random, Dealer::deal

  /// From the producer.
  constexpr std::size_t bytes_sent(Dealing::Randomness r, PartyId server) const {
    return beaver::random_bytes_sent(r, random_bytes) + beaver::dealt_bytes_sent(r, server, dealt_bytes);
  }
};
ReluSizes relu_sizes(const LayerSpec& layer, std::size_t n);

/// Whether the layer's polynomial can be computed: a degree of 2, 4, 6 or 8, finite coefficients, and relu_failure()
/// at most 2^-40. The error names the layer and what to change.
Result<void> check_relu(const LayerSpec& layer);

/// Probability, at most, that one element with |t| <= 2^M (M = headroom_bits) comes out wrong as a whole, because one
/// of its truncations fails.
double relu_failure(const LayerSpec& layer);

/// Otherwise: the largest |result - p(t)·2^A| for |t| <= range, in ulps of the result. One ulp is the last
/// truncation's; all before it together are a small part of one.
double relu_error(const LayerSpec& layer, double range);

/// Producer: masks and their products for n elements, in the order in which relu() takes them.
void deal_relu(beaver::Dealer& dealer, const LayerSpec& layer, std::size_t n);

/// Server: its share of Z (f + A fractional bits as t) into its share of p(t)·2^A.
Routine<Buffer<Word128>> relu(Channel& channel, beaver::ShareSource& source, const LayerSpec& layer, Buffer<Word128> z);

}  // namespace blindsight::protocol::pond
