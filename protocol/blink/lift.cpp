#include "protocol/blink/lift.h"

#include "tensor/kernels/elementwise.h"

namespace blindsight::protocol::blink {
namespace {

/// Bit `bit` of each word, as a plane.
Buffer<Word64> bit_plane(std::span<const Word16> words, unsigned bit) {
  Buffer<Word16> shifted(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) shifted[i] = static_cast<Word16>(words[i] >> bit);
  Buffer<Word64> plane(tensor::plane_words(words.size()));
  tensor::to_planes(shifted, 1, plane);
  return plane;
}

}  // namespace

void deal_lift(Dealer& dealer, const LiftShape& shape) {
  const std::size_t words = tensor::plane_words(shape.n);
  Buffer<Word64> both(words), second(words);
  dealer.own_planes(PartyId::server0, Field::lift_mask, 0, both);
  dealer.own_planes(PartyId::server1, Field::lift_mask, 0, second);
  for (std::size_t i = 0; i < words; ++i) both[i] &= second[i];
  Buffer<Word32> ones(shape.n, 1), zeros(shape.n, 0);
  tensor::select_by_plane<Word32>(both, ones, zeros, ones);
  dealer.deal<Word32>(Field::lift_product, 0, shape.to - shape.from, ones);
}

LiftMaterial take_lift(ShareSource& source, const LiftShape& shape) {
  LiftMaterial m;
  m.shape = shape;
  m.mask.resize(tensor::plane_words(shape.n));
  source.own_planes(Field::lift_mask, 0, m.mask);
  source.note_opened(Field::lift_mask, 0, m.mask.size() * sizeof(Word64));
  m.product.resize(shape.n);
  source.dealt<Word32>(Field::lift_product, 0, shape.to - shape.from, m.product);
  return m;
}

Payload KnownSignLift::begin(Buffer<Word16> y) {
  own_ = bit_plane(y, shape().from - 1);
  for (std::size_t i = 0; i < own_.size(); ++i) own_[i] ^= m_.mask[i];
  y_ = std::move(y);
  Payload out(shape().online_bytes());
  tensor::pack_plane(own_, shape().n, out);
  return out;
}

/// Share of m0 + m1 - m0·m1, with m_p = o_p + (1 - 2·o_p)·mask_p and the product of the masks dealt.
Result<Buffer<Word32>> KnownSignLift::finish(std::span<const std::uint8_t> message) {
  if (message.size() != shape().online_bytes())
    return fail("masked top bits have " + std::to_string(message.size()) + " bytes, expected " +
                std::to_string(shape().online_bytes()));
  Buffer<Word64> theirs(own_.size());
  tensor::unpack_plane(message, shape().n, theirs);
  Buffer<Word32> out(shape().n);
  tensor::remove_wraps({.y = y_,
                        .a = own_,
                        .b = theirs,
                        .m = m_.mask,
                        .p = m_.product,
                        .from = shape().from,
                        .to = shape().to,
                        .with_ab = constants_},
                       out);
  return out;
}

}  // namespace blindsight::protocol::blink
