#include "protocol/beaver/dealing.h"

#include <cstring>
#include <stdexcept>

namespace blindsight::protocol::beaver {
namespace {

Stream in_band(Stream band, Slot slot) {
  band.kind = slot.field;
  band.level = slot.level;
  return band;
}

template <class Word>
std::span<const std::uint8_t> bytes_of(std::span<const Word> words) {
  return {reinterpret_cast<const std::uint8_t*>(words.data()), words.size_bytes()};
}

}  // namespace

ShareKeys::ShareKeys(PackKeysPtr producer, Dealing::Randomness randomness) : keys_(std::move(producer)) {
  if (randomness == Dealing::Randomness::sent)
    own_.emplace(
        std::array{keys_->own().derived("shares sent to server 0"), keys_->own().derived("shares sent to server 1")});
}

Stream Dealer::stream(Slot slot) const {
  return in_band(band_, slot);
}

void Dealer::append(PartyId server, std::span<const std::uint8_t> bytes) {
  Payload& m = messages_[static_cast<unsigned>(server)];
  const std::size_t at = m.size();
  m.resize(at + bytes.size());
  if (!bytes.empty()) std::memcpy(m.data() + at, bytes.data(), bytes.size());
}

template <class Word>
Buffer<Word> Dealer::random(Slot slot, std::size_t n) {
  Buffer<Word> sum(n), share(n);
  keys_.of(PartyId::server0).words<Word>(stream(slot), 0, sum);
  if (sent()) append(PartyId::server0, bytes_of<Word>(sum));
  keys_.of(PartyId::server1).words<Word>(stream(slot), 0, share);
  if (sent()) append(PartyId::server1, bytes_of<Word>(share));
  for (std::size_t i = 0; i < n; ++i) sum[i] += share[i];
  return sum;
}

template <class Word>
void Dealer::deal(Slot slot, std::span<const Word> value) {
  Buffer<Word> share(value.size());
  keys_.of(PartyId::server0).words<Word>(stream(slot), 0, share);
  if (sent()) append(PartyId::server0, bytes_of<Word>(share));
  for (std::size_t i = 0; i < share.size(); ++i) share[i] = value[i] - share[i];
  append(PartyId::server1, bytes_of<Word>(share));
}

Stream ShareSource::stream(Slot slot) const {
  return in_band(band_, slot);
}

std::span<const std::uint8_t> ShareSource::take(std::size_t bytes) {
  if (bytes > message_.size()) throw std::logic_error("a dealt message is shorter than its declared length");
  const auto head = message_.first(bytes);
  message_ = message_.subspan(bytes);
  return head;
}

template <class Word>
Buffer<Word> ShareSource::share(Slot slot, std::size_t n, bool from_message) {
  if (from_message) return to_words<Word>(take(n * sizeof(Word)));
  Buffer<Word> expanded(n);
  prg_.words<Word>(stream(slot), 0, expanded);
  return expanded;
}

template <class Word>
Buffer<Word> ShareSource::random(Slot slot, std::size_t n) {
  return share<Word>(slot, n, sent_);
}

template <class Word>
Buffer<Word> ShareSource::dealt(Slot slot, std::size_t n) {
  return share<Word>(slot, n, receives_dealt());
}

void ShareSource::note_opened(Slot slot, std::size_t bytes) const {
  if (!sent_) prg_.note_opened(stream(slot), 0, bytes);
}

template Buffer<tensor::Word64> Dealer::random(Slot, std::size_t);
template void Dealer::deal(Slot, std::span<const tensor::Word64>);
template Buffer<tensor::Word64> ShareSource::random(Slot, std::size_t);
template Buffer<tensor::Word64> ShareSource::dealt(Slot, std::size_t);
template Buffer<tensor::Word128> Dealer::random(Slot, std::size_t);
template void Dealer::deal(Slot, std::span<const tensor::Word128>);
template Buffer<tensor::Word128> ShareSource::random(Slot, std::size_t);
template Buffer<tensor::Word128> ShareSource::dealt(Slot, std::size_t);

}  // namespace blindsight::protocol::beaver
