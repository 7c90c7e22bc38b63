#include "protocol/securenn/msb.h"

#include "protocol/securenn/share_convert.h"

namespace blindsight::protocol::securenn {
namespace {

/// A server's share of b ^ c, b shared in Z_2^64 and c known to both servers: b or 1 - b.
Word64 xor_known(Word64 share, bool c, bool constants) {
  return c ? Word64{constants} - share : share;
}

}  // namespace

void deal_msb(beaver::Dealer& dealer, std::uint8_t level, std::size_t n) {
  Buffer<Word64> x = odd_ring::random(dealer, slot(Field::msb_mask, level), n);
  deal_bits(dealer, slot(Field::msb_bits, level), x);
  for (Word64& word : x) word &= 1;
  dealer.deal<Word64>(slot(Field::msb_low, level), x);
  deal_triple(dealer, msb_product, level, n);
}

MsbMaterial take_msb(beaver::ShareSource& source, std::uint8_t level, std::size_t n) {
  Buffer<Word64> mask = odd_ring::random(source, slot(Field::msb_mask, level), n);
  source.note_opened(slot(Field::msb_mask, level), n * sizeof(Word64));
  const BitShares bits = dealt_bits(source, slot(Field::msb_bits, level), n);
  Buffer<Word64> low = source.dealt<Word64>(slot(Field::msb_low, level), n);
  return {std::move(mask), bits, std::move(low), take_triple(source, msb_product, level, n)};
}

Routine<Buffer<Word64>> msb(Channel& channel, const Server& server, MsbMaterial material, Buffer<Word64> share,
                            std::uint8_t level) {
  const std::size_t n = share.size();
  const bool constants = server.adds_constants();
  Buffer<Word64>& r = share;
  for (std::size_t i = 0; i < n; ++i) r[i] = odd_ring::add(odd_ring::add(share[i], share[i]), material.mask[i]);
  channel.send(other(server.self), beaver::to_payload<Word64>(r));
  {
    const Payload theirs = co_await channel.receive(other(server.self), n * sizeof(Word64), "masked values of MSB");
    const Buffer<Word64> more = to_words(theirs);
    for (std::size_t i = 0; i < n; ++i) r[i] = odd_ring::add(r[i], more[i]);
  }
  const Buffer<std::uint8_t> flip = common_bits(server, Field::msb_flip, level, n);
  channel.send(PartyId::producer, compare_message(server, msb_compare, level, material.bits, r, flip));

  const std::size_t bytes = beaver::dealt_bytes_sent(server.randomness, server.self, n * sizeof(Word64));
  const Payload message = co_await receive_dealt(channel, bytes, "results of the comparison of MSB");
  beaver::ShareSource source = server.source(message);
  Buffer<Word64> gamma = source.dealt<Word64>(slot(Field::msb_found, level), n);
  Buffer<Word64>& delta = material.low;
  for (std::size_t i = 0; i < n; ++i) {
    gamma[i] = xor_known(gamma[i], flip[i], constants);   // [x > r]
    delta[i] = xor_known(delta[i], r[i] & 1, constants);  // r[0] ^ x[0]
  }
  const Buffer<Word64> both = co_await multiply(channel, server, std::move(material.triple), gamma, delta);
  for (std::size_t i = 0; i < n; ++i) gamma[i] += delta[i] - 2 * both[i];
  co_return gamma;
}

Routine<> help_msb(Channel& channel, const Helper& helper, std::size_t n, std::uint8_t level) {
  const Payload from0 = co_await channel.receive(PartyId::server0, bits_bytes(n), "comparison of MSB");
  const Payload from1 = co_await channel.receive(PartyId::server1, bits_bytes(n), "comparison of MSB");
  beaver::Dealer dealer(helper.keys, helper.band);
  const Buffer<Word64> found = compared(from0, from1);
  dealer.deal<Word64>(slot(Field::msb_found, level), found);
  send_dealt(channel, dealer);
}

}  // namespace blindsight::protocol::securenn
