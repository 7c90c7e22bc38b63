#include "protocol/blink/output.h"

namespace blindsight::protocol::blink {

std::size_t output_bytes(std::size_t n, unsigned bits) {
  return tensor::packed_bytes(n, bits);
}

template <class Word>
Payload output_message(std::span<const Word> share, unsigned bits, const Prg& with_other_server, Stream band,
                       bool adds) {
  band.kind = static_cast<std::uint8_t>(Field::zero);
  Buffer<Word32> zero(share.size());
  with_other_server.words<Word32>(band, 0, zero);
  for (std::size_t i = 0; i < zero.size(); ++i) zero[i] = adds ? share[i] + zero[i] : share[i] - zero[i];
  Payload out(output_bytes(zero.size(), bits));
  tensor::pack_bits(std::span<const Word32>(zero), bits, out);
  return out;
}

template Payload output_message(std::span<const Word16>, unsigned, const Prg&, Stream, bool);
template Payload output_message(std::span<const Word32>, unsigned, const Prg&, Stream, bool);

Result<std::vector<std::int64_t>> reveal_output(const NetworkSpec& network, std::span<const Payload, 2> messages) {
  const std::size_t last = network.layers.size() - 1;
  const unsigned bits = widths(network, last).out;
  const std::size_t n = network.layers[last].out().elements(), bytes = output_bytes(n, bits);
  for (unsigned p = 0; p < 2; ++p)
    if (messages[p].size() != bytes)
      return fail(Fault::violation, "the answer of server" + std::to_string(p) + " has " +
                                        std::to_string(messages[p].size()) + " bytes, expected " +
                                        std::to_string(bytes));
  Buffer<Word32> a(n), b(n);
  tensor::unpack_bits(messages[0], bits, std::span<Word32>(a));
  tensor::unpack_bits(messages[1], bits, std::span<Word32>(b));
  std::vector<std::int64_t> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = tensor::as_signed(a[i] + b[i], bits);
  return values;
}

}  // namespace blindsight::protocol::blink
