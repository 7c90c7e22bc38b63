#pragma once

#include "protocol/core/step.h"
#include "protocol/prg/prg.h"
#include "tensor/kernels/bit_planes.h"
#include "tensor/kernels/pack_bits.h"
#include "tensor/ring.h"

namespace blindsight::protocol::blink {

using tensor::Buffer;
using tensor::Word16;
using tensor::Word32;
using tensor::Word64;

/// What a stream's bytes are for: Stream::kind.
enum class Field : std::uint8_t {
  filter_mask = 1,  ///< B
  input_mask,       ///< A, of the value that it hides, by absolute element
  product,          ///< C, a sharing of A*B
  rho,              ///< mask of a comparison's operand
  beta,             ///< mask of its result
  beta_rho,
  carry,  ///< the three that extend the multiplex beyond k bits
  msb,
  beta_msb,
  monomials,  ///< of rho's digits
  top,        ///< rho's top bit
  wire_masks,
  wire_products,
  lift_mask,  ///< of a share's top bit
  lift_product,
  zero,           ///< the servers' common sharing of zero
  producer_beta,  ///< the producer's own choice
};

/// Which server is sent the correction of a band: they alternate, so that both links carry half.
constexpr PartyId correction_receiver(const Work& work) {
  return (work.value + work.band) % 2 == 0 ? PartyId::server0 : PartyId::server1;
}

/// A server's view of one band's correlations. Of every dealt value it holds a share: its seed's expansion, or the
/// correction if it is this band's receiver. Fields are read in the order in which the producer wrote them.
class ShareSource {
 public:
  /// `correction`: what is left to read of the producer's message; empty at the server that gets none.
  ShareSource(const Prg& with_producer, Stream band, bool receiver, std::span<const std::uint8_t> correction)
      : prg_(with_producer), band_(band), receiver_(receiver), correction_(correction) {}

  /// Shares of dealt values mod 2^bits.
  template <class Word>
  void dealt(Field field, std::uint8_t level, unsigned bits, std::span<Word> out);
  /// XOR shares of `count` dealt planes of n bits.
  void dealt_planes(Field field, std::uint8_t level, std::size_t n, std::size_t count, std::span<Word64> out);
  /// This server's own uniform mask mod 2^bits; the producer can expand it too.
  template <class Word>
  void own(Field field, std::uint8_t level, unsigned bits, std::span<Word> out) const;
  void own_planes(Field field, std::uint8_t level, std::span<Word64> out) const;
  /// This use of an own mask hides a value that leaves.
  void note_opened(Field field, std::uint8_t level, std::size_t bytes) const;

 private:
  std::span<const std::uint8_t> take(std::size_t bytes);

  const Prg& prg_;
  Stream band_;
  bool receiver_;
  std::span<const std::uint8_t> correction_;
};

/// The producer's side of the same: expands both servers' shares and appends corrections to one payload.
class Dealer {
 public:
  Dealer(const Prg& with_server0, const Prg& with_server1, Stream band, PartyId receiver)
      : prgs_{&with_server0, &with_server1}, band_(band), receiver_(receiver) {}

  /// Deals shares of `value` mod 2^bits: the receiver's share is value - the other's expansion.
  template <class Word>
  void deal(Field field, std::uint8_t level, unsigned bits, std::span<const Word> value);
  void deal_planes(Field field, std::uint8_t level, std::size_t n, std::size_t count, std::span<const Word64> planes);
  /// A server's own mask mod 2^bits.
  template <class Word>
  void own(PartyId server, Field field, std::uint8_t level, unsigned bits, std::span<Word> out) const;
  void own_planes(PartyId server, Field field, std::uint8_t level, std::span<Word64> out) const;
  Stream stream(Field field, std::uint8_t level) const;

  Payload take() { return std::move(correction_); }

 private:
  std::span<std::uint8_t> grow(std::size_t bytes);

  std::array<const Prg*, 2> prgs_;
  Stream band_;
  PartyId receiver_;
  Payload correction_;
};

/// Elements [first, first + out.size()) of a party's share of a mask of a whole value (A) or of the filter that makes
/// it (B), mod 2^bits.
void map_mask(const Prg& prg, PackId pack, ValueId value, Field field, std::size_t first, unsigned bits,
              std::span<Word32> out);

/// Elements [first, first + n) of that mask now hide a value that leaves.
void note_map_opened(const Prg& prg, PackId pack, ValueId value, Field field, std::size_t first, std::size_t n);

/// Bytes of n bits of `count` planes, each plane padded to a byte, as they go over the wire.
constexpr std::size_t planes_bytes(std::size_t n, std::size_t count) {
  return count * tensor::packed_bytes(n, 1);
}

}  // namespace blindsight::protocol::blink
