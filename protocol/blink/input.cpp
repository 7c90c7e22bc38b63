#include "protocol/blink/input.h"

#include "tensor/kernels/elementwise.h"

namespace blindsight::protocol::blink {

Result<std::array<Payload, 2>> share_input(const NetworkSpec& network, std::span<const std::int64_t> input) {
  const std::size_t n = network.input.elements();
  const unsigned bits = widths(network, 0).linear;
  if (input.size() != n)
    return fail("the input has " + std::to_string(input.size()) + " values, the model takes " + std::to_string(n));
  const std::int64_t limit = std::int64_t{1} << (bits - 1);
  for (const std::int64_t v : input)
    if (v < -limit || v >= limit)
      return fail("an input value does not fit the first layer's ring of " + std::to_string(bits) + " bits");
  const Prg prg(random_key());
  Buffer<Word32> share0(n), share1(n);
  prg.words<Word32>({}, 0, share0);
  for (std::size_t i = 0; i < n; ++i) share1[i] = static_cast<Word32>(input[i]) - share0[i];
  std::array<Payload, 2> result{Payload(tensor::packed_bytes(n, bits)), Payload(tensor::packed_bytes(n, bits))};
  tensor::pack_bits(std::span<const Word32>(share0), bits, result[0]);
  tensor::pack_bits(std::span<const Word32>(share1), bits, result[1]);
  return result;
}

Payload MaskedOpening::begin(Buffer<Word32> share) {
  own_ = std::move(share);
  Buffer<Word32> mask(own_.size());
  map_mask(prg_, pack_, value_, Field::input_mask, first_, bits_, mask);
  note_map_opened(prg_, pack_, value_, Field::input_mask, first_, mask.size());
  tensor::subtract<Word32>(own_, mask, bits_, own_);
  Payload out(online_bytes(own_.size(), bits_));
  tensor::pack_bits(std::span<const Word32>(own_), bits_, out);
  return out;
}

Result<void> MaskedOpening::finish(std::span<const std::uint8_t> message, std::span<Word32> out) {
  if (message.size() != online_bytes(own_.size(), bits_))
    return fail("masked activations have " + std::to_string(message.size()) + " bytes, expected " +
                std::to_string(online_bytes(own_.size(), bits_)));
  tensor::unpack_bits(message, bits_, out);
  tensor::add<Word32>(out, own_, bits_, out);
  return {};
}

}  // namespace blindsight::protocol::blink
