#include "protocol/securenn/private_compare.h"

#include "tensor/kernels/parallel.h"

namespace blindsight::protocol::securenn {
namespace {

namespace field67 = tensor::field67;
using ChunkBytes = std::array<std::uint8_t, field67::word_bits * chunk_elements>;

}  // namespace

Payload compare_message(const Server& server, const CompareFields& fields, std::uint8_t level, const BitShares& x,
                        std::span<const Word64> r, std::span<const std::uint8_t> beta) {
  const std::size_t n = r.size(), chunks = (n + chunk_elements - 1) / chunk_elements;
  Payload message(bits_bytes(n));
  const bool constants = server.adds_constants();
  // Both servers take the same z, one of them negated; told once.
  if (!constants)
    server.with_other.note_opened(server.stream(fields.refresh, level), 0, chunks * BoundedDraws::chunk_stride);

  tensor::in_parallel(tensor::Range(0, chunks), [&](const tensor::Range& part) {
    ChunkBytes bits, blind, refresh, places, shown;
    std::array<Word64, chunk_elements> v;
    for (std::size_t chunk = part.begin(); chunk != part.end(); ++chunk) {
      const std::size_t begin = chunk * chunk_elements, m = std::min(chunk_elements, n - begin);
      const auto lanes = [m](ChunkBytes& b, std::size_t rows = field67::word_bits) {
        return std::span(b).first(rows * m);
      };
      x.load(chunk, lanes(bits));

      BoundedDraws(server.with_other, server.stream(fields.blind, level), chunk).draw(field67::prime - 1, lanes(blind));
      for (std::uint8_t& s : lanes(blind)) ++s;
      BoundedDraws(server.with_other, server.stream(fields.refresh, level), chunk).draw(field67::prime, lanes(refresh));
      if (constants)
        for (std::uint8_t& z : lanes(refresh)) z = static_cast<std::uint8_t>(z == 0 ? 0 : field67::prime - z);
      BoundedDraws swaps(server.with_other, server.stream(fields.permutation, level), chunk);
      for (unsigned i = 1; i < field67::word_bits; ++i) swaps.draw(i + 1, std::span(places).subspan((i - 1) * m, m));

      for (std::size_t e = 0; e < m; ++e) v[e] = r[begin + e] + beta[begin + e];
      const auto d = lanes(shown);
      field67::compare_share({lanes(bits), std::span<const Word64>(v).first(m), beta.subspan(begin, m), lanes(blind),
                              lanes(refresh), constants},
                             d);
      for (std::size_t e = 0; e < m; ++e)
        if (beta[begin + e] == 1 && r[begin + e] == ~Word64{0})
          for (std::size_t i = 0; i < field67::word_bits; ++i) {
            const std::size_t at = i * m + e;
            d[at] = static_cast<std::uint8_t>((refresh[at] + (constants && i > 0 ? blind[at] : 0)) % field67::prime);
          }
      field67::shuffle(lanes(places, field67::word_bits - 1), m, d);
      field67::pack(d, std::span(message).subspan(bits_bytes(begin), bits_bytes(m)));
    }
  });
  return message;
}

Buffer<Word64> compared(std::span<const std::uint8_t> from0, std::span<const std::uint8_t> from1) {
  const std::size_t n = from0.size() / bits_bytes(1), chunks = (n + chunk_elements - 1) / chunk_elements;
  const BitShares first = BitShares::packed(from0), second = BitShares::packed(from1);
  Buffer<Word64> answer(n);
  tensor::in_parallel(tensor::Range(0, chunks), [&](const tensor::Range& part) {
    ChunkBytes d0, d1;
    std::array<std::uint8_t, chunk_elements> found;
    for (std::size_t chunk = part.begin(); chunk != part.end(); ++chunk) {
      const std::size_t begin = chunk * chunk_elements, m = std::min(chunk_elements, n - begin);
      const auto share0 = std::span(d0).first(field67::word_bits * m), share1 = std::span(d1).first(share0.size());
      first.load(chunk, share0);
      second.load(chunk, share1);
      field67::any_zero(share0, share1, std::span(found).first(m));
      std::copy_n(found.data(), m, answer.data() + begin);
    }
  });
  return answer;
}

}  // namespace blindsight::protocol::securenn
