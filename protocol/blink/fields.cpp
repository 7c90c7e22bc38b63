#include "protocol/blink/fields.h"

#include <stdexcept>

#include "tensor/kernels/elementwise.h"

namespace blindsight::protocol::blink {
namespace {

Stream with(Stream s, Field field, std::uint8_t level) {
  s.kind = static_cast<std::uint8_t>(field);
  s.level = level;
  return s;
}

template <class Word>
void expand(const Prg& prg, const Stream& stream, unsigned bits, std::span<Word> out) {
  prg.words(stream, 0, out);
  tensor::cut(out, bits);
}

}  // namespace

std::span<const std::uint8_t> ShareSource::take(std::size_t bytes) {
  if (bytes > correction_.size())
    throw std::logic_error("a correction was read past its end");  // its length was checked on arrival
  const auto head = correction_.first(bytes);
  correction_ = correction_.subspan(bytes);
  return head;
}

template <class Word>
void ShareSource::dealt(Field field, std::uint8_t level, unsigned bits, std::span<Word> out) {
  if (receiver_)
    tensor::unpack_bits(take(tensor::packed_bytes(out.size(), bits)), bits, out);
  else
    expand(prg_, with(band_, field, level), bits, out);
}

void ShareSource::dealt_planes(Field field, std::uint8_t level, std::size_t n, std::size_t count,
                               std::span<Word64> out) {
  if (!receiver_) return own_planes(field, level, out);
  const std::size_t words = tensor::plane_words(n);
  for (std::size_t i = 0; i < count; ++i)
    tensor::unpack_plane(take(tensor::packed_bytes(n, 1)), n, out.subspan(i * words, words));
}

template <class Word>
void ShareSource::own(Field field, std::uint8_t level, unsigned bits, std::span<Word> out) const {
  expand(prg_, with(band_, field, level), bits, out);
}

void ShareSource::own_planes(Field field, std::uint8_t level, std::span<Word64> out) const {
  prg_.words(with(band_, field, level), 0, out);
}

void ShareSource::note_opened(Field field, std::uint8_t level, std::size_t bytes) const {
  prg_.note_opened(with(band_, field, level), 0, bytes);
}

Stream Dealer::stream(Field field, std::uint8_t level) const {
  return with(band_, field, level);
}

std::span<std::uint8_t> Dealer::grow(std::size_t bytes) {
  correction_.resize(correction_.size() + bytes);
  return std::span(correction_).last(bytes);
}

template <class Word>
void Dealer::deal(Field field, std::uint8_t level, unsigned bits, std::span<const Word> value) {
  Buffer<Word> share(value.size());
  own<Word>(other(receiver_), field, level, bits, share);
  tensor::subtract<Word>(value, share, bits, share);
  tensor::pack_bits(std::span<const Word>(share), bits, grow(tensor::packed_bytes(value.size(), bits)));
}

void Dealer::deal_planes(Field field, std::uint8_t level, std::size_t n, std::size_t count,
                         std::span<const Word64> planes) {
  const std::size_t words = tensor::plane_words(n);
  Buffer<Word64> share(words * count);
  own_planes(other(receiver_), field, level, share);
  for (std::size_t i = 0; i < share.size(); ++i) share[i] ^= planes[i];
  for (std::size_t i = 0; i < count; ++i)
    tensor::pack_plane(std::span(share).subspan(i * words, words), n, grow(tensor::packed_bytes(n, 1)));
}

template <class Word>
void Dealer::own(PartyId server, Field field, std::uint8_t level, unsigned bits, std::span<Word> out) const {
  expand(*prgs_[static_cast<unsigned>(server)], stream(field, level), bits, out);
}

void Dealer::own_planes(PartyId server, Field field, std::uint8_t level, std::span<Word64> out) const {
  prgs_[static_cast<unsigned>(server)]->words(stream(field, level), 0, out);
}

void map_mask(const Prg& prg, PackId pack, ValueId value, Field field, std::size_t first, unsigned bits,
              std::span<Word32> out) {
  prg.words(Stream::of_map(pack, value, static_cast<std::uint8_t>(field)), first, out);
  tensor::cut(out, bits);
}

void note_map_opened(const Prg& prg, PackId pack, ValueId value, Field field, std::size_t first, std::size_t n) {
  prg.note_opened(Stream::of_map(pack, value, static_cast<std::uint8_t>(field)), first * sizeof(Word32),
                  n * sizeof(Word32));
}

template void ShareSource::dealt(Field, std::uint8_t, unsigned, std::span<Word16>);
template void ShareSource::dealt(Field, std::uint8_t, unsigned, std::span<Word32>);
template void ShareSource::own(Field, std::uint8_t, unsigned, std::span<Word16>) const;
template void ShareSource::own(Field, std::uint8_t, unsigned, std::span<Word32>) const;
template void Dealer::deal(Field, std::uint8_t, unsigned, std::span<const Word16>);
template void Dealer::deal(Field, std::uint8_t, unsigned, std::span<const Word32>);
template void Dealer::own(PartyId, Field, std::uint8_t, unsigned, std::span<Word16>) const;

}  // namespace blindsight::protocol::blink
