#pragma once

#include <algorithm>
#include <optional>
#include <variant>

#include "protocol/blink/fields.h"

namespace blindsight::protocol::blink {

/// Sizes of n comparisons on `width` bits whose result is multiplexed mod 2^`summed` (summed >= width). The width-1 low
/// bits are compared digit by digit; the digits' [c < r] and [c = r] bits are the wires of one round of multi-fan-in
/// ANDs.
struct CompareShape {
  std::size_t n;
  unsigned width, summed;
  unsigned digit = 4;  ///< bits of a digit: nibbles cost least; smaller ones are for proofs by enumeration

  unsigned digits() const { return (width - 1 + digit - 1) / digit; }
  unsigned digit_bits(unsigned j) const { return std::min(digit, width - 1 - digit * j); }
  std::size_t monomials() const;  ///< planes
  std::size_t wires() const { return 2 * (digits() - 1); }
  std::vector<unsigned> products() const;  ///< of wire masks that are dealt, as bit sets of wires; wires as in `terms`
  std::vector<unsigned> terms()
      const;  ///< the ANDs, as bit sets of wires: bit j - 1 is [c_j = r_j], bit digits - 1 + j is [c_j < r_j]
  std::size_t correction_bytes() const;
  std::size_t material_bytes() const;  ///< CompareMaterial::bytes()
  std::size_t value_bytes() const { return tensor::packed_bytes(n, width); }
  std::size_t wires_bytes() const { return planes_bytes(n, wires()); }
  std::size_t sign_bytes() const { return planes_bytes(n, 1); }
  std::size_t online_bytes() const { return value_bytes() + wires_bytes() + sign_bytes(); }
  unsigned rounds() const { return wires() ? 3 : 2; }
};

/// One server's correlations for max(x, 0), x shared mod 2^width (ReLU; and max(a, b) = b + max(a - b, 0)).
struct CompareMaterial {
  CompareShape shape{};
  Buffer<Word16> rho, beta, beta_rho;   ///< mod 2^width | mod 2^summed
  Buffer<Word16> carry, msb, beta_msb;  ///< mod 2^(summed - width); empty when that is 0
  Buffer<Word64> monomials, top, wire_masks, wire_products;

  std::size_t bytes() const;
};

/// Producer: picks rho (from the seeds) and beta (its own key) and deals all that depends on them.
void deal_compare(Dealer& dealer, const Prg& own, const CompareShape& shape, std::uint8_t level);
/// Server: its share of the same, in the same order.
CompareMaterial take_compare(ShareSource& source, const CompareShape& shape, std::uint8_t level);

/// max(x, 0) for n shared values, exact for every x in [-2^(width-1), 2^(width-1)): three messages each way (two when
/// one digit is enough): docs/protocols/blink.md, "Positive part", steps 1 to 4. Result: shares mod 2^summed.
///
/// What a server sees: the other's share of c = x + rho, of each wire under its own mask, and of d = [x >= 0] + beta.
/// Each is a secret plus a mask of which one share is the other server's alone and uniform, so each message is uniform
/// and independent of x and of the others (tests/spec/blink_spec.py proves it by enumeration;
/// tests/protocol/blink/views_test.cpp does for this code).
class PositivePart {
 public:
  /// `constants`: this server adds public constants (server 0 alone does: P7 of docs/protocols/blink.md).
  PositivePart(CompareMaterial material, bool constants) : m_(std::move(material)), constants_(constants) {}

  const CompareShape& shape() const { return m_.shape; }
  /// Round 0: the masked value, cut to `width` bits before it leaves (P6 of docs/protocols/blink.md).
  Payload begin(std::span<const Word16> x);
  /// The other server's message of the current round; the next one to send, or nothing when result() is there.
  Result<std::optional<Payload>> advance(std::span<const std::uint8_t> message);
  Buffer<Word16> take_result() { return std::move(std::get<Done>(state_).y); }

 private:
  struct AwaitingMaskedValue {
    Buffer<Word16> own;
  };
  struct AwaitingWires {
    Buffer<Word16> c;
    Buffer<Word64> sign, own;
  };
  struct AwaitingSign {
    Buffer<Word16> c;
    Buffer<Word64> own;
  };
  struct Done {
    Buffer<Word16> y;
  };

  Payload open_wires(Buffer<Word16> c);
  Payload open_sign(Buffer<Word16> c, Buffer<Word64> sign);
  void join_wires(AwaitingWires& s, std::span<const std::uint8_t> message) const;
  Buffer<Word16> multiplex(const AwaitingSign& s, std::span<const std::uint8_t> message) const;

  CompareMaterial m_;
  bool constants_;
  std::variant<std::monostate, AwaitingMaskedValue, AwaitingWires, AwaitingSign, Done> state_;
};

}  // namespace blindsight::protocol::blink
