#pragma once

#include "protocol/blink/fields.h"

namespace blindsight::protocol::blink {

/// n values y with 0 <= y < 2^(from-1), shared mod 2^from, brought to shares mod 2^to.
struct LiftShape {
  std::size_t n;
  unsigned from, to;

  std::size_t correction_bytes() const { return tensor::packed_bytes(n, to - from); }
  std::size_t material_bytes() const { return tensor::plane_words(n) * sizeof(Word64) + n * sizeof(Word32); }
  std::size_t online_bytes() const { return planes_bytes(n, 1); }
};

struct LiftMaterial {
  LiftShape shape{};
  Buffer<Word64> mask;     ///< this server's mask of its own top bit
  Buffer<Word32> product;  ///< share mod 2^(to - from) of the product of both masks

  std::size_t bytes() const { return mask.size() * sizeof(Word64) + product.size() * sizeof(Word32); }
};

void deal_lift(Dealer& dealer, const LiftShape& shape);
LiftMaterial take_lift(ShareSource& source, const LiftShape& shape);

/// The late lift: one message each way. Since the top bit of y is 0, its shares wrap iff one of their top bits is set
/// (SIRNN, Rathee et al. 2021, "known sign"): wrap = m0 + m1 - m0·m1. Each server shows the other its top bit under a
/// mask that it and the producer know and that serves once: a uniform bit to the other, whatever y.
class KnownSignLift {
 public:
  KnownSignLift(LiftMaterial material, bool constants) : m_(std::move(material)), constants_(constants) {}

  const LiftShape& shape() const { return m_.shape; }
  Payload begin(Buffer<Word16> y);
  Result<Buffer<Word32>> finish(std::span<const std::uint8_t> message);

 private:
  LiftMaterial m_;
  bool constants_;
  Buffer<Word16> y_;
  Buffer<Word64> own_;
};

}  // namespace blindsight::protocol::blink
