#include "protocol/securenn/share_convert.h"

namespace blindsight::protocol::securenn {
namespace {

std::size_t bits_and_wrap_bytes(Dealing::Randomness randomness, PartyId server, std::size_t n) {
  return beaver::dealt_bytes_sent(randomness, server, bits_bytes(n) + n * sizeof(Word64));
}

}  // namespace

Buffer<std::uint8_t> common_bits(const Server& server, Field field, std::uint8_t level, std::size_t n) {
  Buffer<std::uint8_t> bits(n);
  server.with_other.fill(server.stream(field, level), 0, bits);
  for (std::uint8_t& b : bits) b &= 1;
  return bits;
}

ShareConversion::ShareConversion(Channel& channel, const Server& server, Buffer<Word64> share, std::uint8_t level)
    : server_(server), level_(level), share_(std::move(share)), r_(share_.size()), carry_(share_.size()) {
  const std::size_t n = share_.size();
  Buffer<Word64> mask(n);
  server.with_other.words<Word64>(server.stream(Field::convert_mask0, level), 0, r_);
  server.with_other.words<Word64>(server.stream(Field::convert_mask1, level), 0, mask);
  const bool first = server.self == PartyId::server0;
  for (std::size_t i = 0; i < n; ++i) {
    const Word64 own = first ? r_[i] : mask[i], r = r_[i] + mask[i], masked = share_[i] + own;
    carry_[i] = static_cast<std::uint8_t>((masked < own) | (r < r_[i]) << 1);
    r_[i] = r;
    mask[i] = masked;
  }
  server.with_other.note_opened(server.stream(first ? Field::convert_mask0 : Field::convert_mask1, level), 0,
                                n * sizeof(Word64));
  channel.send(PartyId::producer, beaver::to_payload<Word64>(mask));
}

Routine<Buffer<Word64>> ShareConversion::finish(Channel& channel) {
  const std::size_t n = share_.size();
  const Buffer<std::uint8_t> flip = common_bits(server_, Field::convert_flip, level_, n);
  Buffer<Word64> wrap;
  {
    const Payload message = co_await receive_dealt(channel, bits_and_wrap_bytes(server_.randomness, server_.self, n),
                                                   "bits of masked values");
    beaver::ShareSource source = server_.source(message);
    const BitShares bits = dealt_bits(source, slot(Field::convert_bits, level_), n);
    wrap = odd_ring::dealt(source, slot(Field::convert_wrap, level_), n);
    Buffer<std::uint8_t> beta(n);
    for (std::size_t i = 0; i < n; ++i) beta[i] = static_cast<std::uint8_t>(flip[i] ^ (r_[i] == 0));
    for (Word64& r : r_) --r;
    channel.send(PartyId::producer, compare_message(server_, convert_compare, level_, bits, r_, beta));
  }
  r_ = {};
  const Payload message =
      co_await receive_dealt(channel, beaver::dealt_bytes_sent(server_.randomness, server_.self, n * sizeof(Word64)),
                             "results of the comparison with r");
  beaver::ShareSource source = server_.source(message);
  const Buffer<Word64> found = odd_ring::dealt(source, slot(Field::convert_found, level_), n);
  const Buffer<Word64> zero = odd_ring::draw(server_.with_other, server_.stream(Field::convert_zero, level_), n);
  const bool constants = server_.adds_constants();
  for (std::size_t i = 0; i < n; ++i) {
    using odd_ring::add, odd_ring::subtract;
    // theta = whether a's shares wrap = beta_0 + beta_1 - alpha + delta + eta - 1, eta = eta' ^ eta''.
    const Word64 one_sided = constants ? 0 : flip[i];  // server 0 adds eta'' and subtracts alpha + 1
    const Word64 eta = flip[i] ? subtract(one_sided, found[i]) : found[i];
    Word64 theta = add(add(carry_[i] & 1, wrap[i]), eta);
    if (!constants) theta = subtract(theta, Word64{1} + (carry_[i] >> 1));
    const Word64 y = subtract(odd_ring::reduce(share_[i]), theta);
    share_[i] = constants ? subtract(y, zero[i]) : add(y, zero[i]);
  }
  co_return std::move(share_);
}

Routine<> help_share_convert(Channel& channel, const Helper& helper, std::size_t n, std::uint8_t level) {
  {
    const Payload from0 = co_await channel.receive(PartyId::server0, n * sizeof(Word64), "masked values");
    const Payload from1 = co_await channel.receive(PartyId::server1, n * sizeof(Word64), "masked values");
    Buffer<Word64> x = to_words(from0), wrap = to_words(from1);
    for (std::size_t i = 0; i < n; ++i) {
      x[i] += wrap[i];
      wrap[i] = x[i] < wrap[i];
    }
    beaver::Dealer dealer(helper.keys, helper.band);
    for (const PartyId server : {PartyId::server0, PartyId::server1})
      dealer.reserve(server, bits_and_wrap_bytes(helper.randomness(), server, n));
    deal_bits(dealer, slot(Field::convert_bits, level), x);
    odd_ring::deal(dealer, slot(Field::convert_wrap, level), wrap);
    send_dealt(channel, dealer);
  }
  const Payload from0 = co_await channel.receive(PartyId::server0, bits_bytes(n), "comparison with r");
  const Payload from1 = co_await channel.receive(PartyId::server1, bits_bytes(n), "comparison with r");
  beaver::Dealer dealer(helper.keys, helper.band);
  odd_ring::deal(dealer, slot(Field::convert_found, level), compared(from0, from1));
  send_dealt(channel, dealer);
}

}  // namespace blindsight::protocol::securenn
