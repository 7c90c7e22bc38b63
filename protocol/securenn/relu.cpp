#include "protocol/securenn/relu.h"

#include "protocol/securenn/msb.h"
#include "protocol/securenn/share_convert.h"

namespace blindsight::protocol::securenn {
namespace {

/// The producer's first message of a comparison.
std::size_t material_bytes(Dealing::Randomness randomness, PartyId server, std::size_t n) {
  return msb_material_bytes(randomness, server, n) + triple_bytes(randomness, server, n);
}

}  // namespace

Routine<Buffer<Word64>> relu(Channel& channel, const Server& server, Buffer<Word64> share, std::uint8_t level) {
  const std::size_t n = share.size();
  if (n == 0) co_return share;
  Buffer<Word64> doubled(n);
  for (std::size_t i = 0; i < n; ++i) doubled[i] = 2 * share[i];
  ShareConversion conversion(channel, server, std::move(doubled), level);

  const Payload dealt =
      co_await receive_dealt(channel, material_bytes(server.randomness, server.self, n), "dealt values of ReLU");
  Buffer<Word64> converted = co_await conversion.finish(channel);
  beaver::ShareSource source = server.source(dealt);
  MsbMaterial material = take_msb(source, level, n);
  Buffer<Word64> sign = co_await msb(channel, server, std::move(material), std::move(converted), level);
  const Word64 one = server.adds_constants() ? 1 : 0;
  for (Word64& s : sign) s = one - s;  // [x >= 0]
  refresh(server, Field::sign_zero, level, sign);
  Triple triple = take_triple(source, relu_product, level, n);
  Buffer<Word64> result = co_await multiply(channel, server, std::move(triple), std::move(sign), share);
  refresh(server, Field::relu_zero, level, result);
  co_return result;
}

Routine<> help_relu(Channel& channel, const Helper& helper, std::size_t n, std::uint8_t level) {
  if (n == 0) co_return;
  {
    beaver::Dealer dealer(helper.keys, helper.band);
    for (const PartyId server : {PartyId::server0, PartyId::server1})
      dealer.reserve(server, material_bytes(helper.randomness(), server, n));
    deal_msb(dealer, level, n);
    deal_triple(dealer, relu_product, level, n);
    send_dealt(channel, dealer);
  }
  co_await help_share_convert(channel, helper, n, level);
  co_await help_msb(channel, helper, n, level);
}

Cost relu_cost(Dealing::Randomness randomness, std::size_t n) {
  if (n == 0) return {};
  const std::size_t words = n * sizeof(Word64);
  const auto dealt = [&](PartyId server) {
    return material_bytes(randomness, server, n) +
           beaver::dealt_bytes_sent(randomness, server, bits_bytes(n) + 3 * words);  // the bits, delta, eta', beta'
  };
  Cost c;
  c.rounds = 9;
  c.server0_to_server1 = c.server1_to_server0 = 5 * words;  // r, two products
  c.producer_to_server0 = dealt(PartyId::server0);
  c.producer_to_server1 = dealt(PartyId::server1);
  c.server_to_producer = 2 * (words + 2 * bits_bytes(n));  // x + r, two comparisons
  return c;
}

}  // namespace blindsight::protocol::securenn
