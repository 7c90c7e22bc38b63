#pragma once

#include "protocol/blink/fields.h"
#include "protocol/blink/widths.h"

namespace blindsight::protocol::blink {

/// Data owner: X as two shares of the first layer's ring, packed; server 0's is uniform, server 1's the difference.
Result<std::array<Payload, 2>> share_input(const NetworkSpec& network, std::span<const std::int64_t> input);

/// One opening mod 2^bits of n shared values under an input mask A: E = X - A, into a map. One message each way. A is
/// uniform, its other share is the other server's alone, and it serves this opening of this pack only; the word is cut
/// to its width first (P5 and P6 of docs/protocols/blink.md).
class MaskedOpening {
 public:
  /// `first`: absolute element of the value `opened` that the words begin at.
  MaskedOpening(const Prg& with_producer, PackId pack, ValueId opened, unsigned bits, std::size_t first)
      : prg_(with_producer), pack_(pack), value_(opened), bits_(bits), first_(first) {}

  static std::size_t online_bytes(std::size_t n, unsigned bits) { return tensor::packed_bytes(n, bits); }
  Payload begin(Buffer<Word32> share);
  /// `out`: elements [first, first + n) of the map.
  Result<void> finish(std::span<const std::uint8_t> message, std::span<Word32> out);
  std::size_t size() const { return own_.size(); }

 private:
  const Prg& prg_;
  PackId pack_;
  ValueId value_;
  unsigned bits_;
  std::size_t first_;
  Buffer<Word32> own_;
};

}  // namespace blindsight::protocol::blink
