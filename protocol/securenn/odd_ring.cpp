#include "protocol/securenn/odd_ring.h"

namespace blindsight::protocol::securenn::odd_ring {
namespace {

std::span<const std::uint8_t> bytes_of(const Buffer<Word64>& words) {
  return {reinterpret_cast<const std::uint8_t*>(words.data()), words.size() * sizeof(Word64)};
}

}  // namespace

Buffer<Word64> draw(const Prg& prg, const Stream& stream, std::size_t n) {
  Buffer<Word64> x(n);
  prg.words<Word64>(stream, 0, x);
  std::uint64_t next = n;
  for (Word64& word : x)
    while (word == modulus) prg.words<Word64>(stream, next++, {&word, 1});
  return x;
}

Buffer<Word64> random(beaver::Dealer& dealer, beaver::Slot slot, std::size_t n) {
  Buffer<Word64> sum = draw(dealer.prg(PartyId::server0), dealer.stream(slot), n);
  if (dealer.sent()) dealer.append(PartyId::server0, bytes_of(sum));
  const Buffer<Word64> share = draw(dealer.prg(PartyId::server1), dealer.stream(slot), n);
  if (dealer.sent()) dealer.append(PartyId::server1, bytes_of(share));
  for (std::size_t i = 0; i < n; ++i) sum[i] = add(sum[i], share[i]);
  return sum;
}

void deal(beaver::Dealer& dealer, beaver::Slot slot, std::span<const Word64> value) {
  Buffer<Word64> share = draw(dealer.prg(PartyId::server0), dealer.stream(slot), value.size());
  if (dealer.sent()) dealer.append(PartyId::server0, bytes_of(share));
  for (std::size_t i = 0; i < share.size(); ++i) share[i] = subtract(value[i], share[i]);
  dealer.append(PartyId::server1, bytes_of(share));
}

Buffer<Word64> random(beaver::ShareSource& source, beaver::Slot slot, std::size_t n) {
  if (source.sent()) return to_words(source.take(n * sizeof(Word64)));
  return draw(source.prg(), source.stream(slot), n);
}

Buffer<Word64> dealt(beaver::ShareSource& source, beaver::Slot slot, std::size_t n) {
  if (source.receives_dealt()) return to_words(source.take(n * sizeof(Word64)));
  return draw(source.prg(), source.stream(slot), n);
}

}  // namespace blindsight::protocol::securenn::odd_ring
