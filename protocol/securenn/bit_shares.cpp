#include "protocol/securenn/bit_shares.h"

#include <stdexcept>

#include "tensor/kernels/parallel.h"

namespace blindsight::protocol::securenn {

namespace field67 = tensor::field67;

void BoundedDraws::draw(unsigned bound, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    if (at_ == end_) {
      // The first time about what a chunk takes, then little by little.
      at_ = 0;
      end_ = std::min<std::size_t>(next_ % chunk_stride == 0 ? bytes_.size() : 512, limit_ - next_);
      if (end_ == 0) throw std::runtime_error("a stream of random bytes rejects nearly all of them");
      prg_.fill(stream_, next_, std::span(bytes_).first(end_));
      next_ += end_;
    }
    const field67::Drawn d = field67::draw_below(std::span(bytes_).subspan(at_, end_ - at_), bound, out);
    at_ += d.bytes_used;
    out = out.subspan(d.values);
  }
}

void BitShares::load(std::size_t chunk, std::span<std::uint8_t> out) const {
  if (prg_)
    BoundedDraws(*prg_, stream_, chunk).draw(field67::prime, out);
  else
    field67::unpack(message_.subspan(chunk * bits_bytes(chunk_elements), out.size() / 8 * 7), out);
}

void deal_bits(beaver::Dealer& dealer, beaver::Slot slot, std::span<const Word64> words) {
  const std::size_t n = words.size();
  const BitShares first = BitShares::expanded(dealer.prg(PartyId::server0), dealer.stream(slot));
  Payload for0(dealer.sent() ? bits_bytes(n) : 0), for1(bits_bytes(n));
  const std::size_t chunks = (n + chunk_elements - 1) / chunk_elements;
  tensor::in_parallel(tensor::Range(0, chunks), [&](const tensor::Range& part) {
    std::array<std::uint8_t, field67::word_bits * chunk_elements> a, b;
    for (std::size_t chunk = part.begin(); chunk != part.end(); ++chunk) {
      const std::size_t begin = chunk * chunk_elements, m = std::min(chunk_elements, n - begin);
      const auto share0 = std::span(a).first(field67::word_bits * m), share1 = std::span(b).first(share0.size());
      first.load(chunk, share0);
      field67::share_bits(words.subspan(begin, m), share0, share1);
      if (dealer.sent()) field67::pack(share0, std::span(for0).subspan(bits_bytes(begin), bits_bytes(m)));
      field67::pack(share1, std::span(for1).subspan(bits_bytes(begin), bits_bytes(m)));
    }
  });
  dealer.append(PartyId::server0, for0);
  dealer.append(PartyId::server1, for1);
}

BitShares dealt_bits(beaver::ShareSource& source, beaver::Slot slot, std::size_t n) {
  if (source.receives_dealt()) return BitShares::packed(source.take(bits_bytes(n)));
  return BitShares::expanded(source.prg(), source.stream(slot));
}

}  // namespace blindsight::protocol::securenn
