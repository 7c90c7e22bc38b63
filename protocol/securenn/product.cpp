#include "protocol/securenn/product.h"

#include "protocol/beaver/linear.h"

namespace blindsight::protocol::securenn {

void deal_triple(beaver::Dealer& dealer, const ProductFields& fields, std::uint8_t level, std::size_t n) {
  Buffer<Word64> x = dealer.random<Word64>(slot(fields.x_mask, level), n);
  const Buffer<Word64> y = dealer.random<Word64>(slot(fields.y_mask, level), n);
  for (std::size_t i = 0; i < n; ++i) x[i] *= y[i];
  dealer.deal<Word64>(slot(fields.product, level), x);
}

Triple take_triple(beaver::ShareSource& source, const ProductFields& fields, std::uint8_t level, std::size_t n) {
  Triple t;
  t.x_mask = source.random<Word64>(slot(fields.x_mask, level), n);
  t.y_mask = source.random<Word64>(slot(fields.y_mask, level), n);
  t.product = source.dealt<Word64>(slot(fields.product, level), n);
  source.note_opened(slot(fields.x_mask, level), n * sizeof(Word64));
  source.note_opened(slot(fields.y_mask, level), n * sizeof(Word64));
  return t;
}

Routine<Buffer<Word64>> multiply(Channel& channel, const Server& server, Triple triple, Buffer<Word64> x,
                                 std::span<const Word64> y) {
  const std::size_t n = x.size();
  Buffer<Word64> masked(2 * n);
  for (std::size_t i = 0; i < n; ++i) masked[i] = x[i] - triple.x_mask[i];
  for (std::size_t i = 0; i < n; ++i) masked[n + i] = y[i] - triple.y_mask[i];
  channel.send(other(server.self), beaver::to_payload<Word64>(masked));
  const Payload theirs = co_await channel.receive(other(server.self), 2 * n * sizeof(Word64), "masked factors");
  const Buffer<Word64> more = to_words(theirs);
  const Word64 both = server.adds_constants() ? 1 : 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Word64 e = masked[i] + more[i], f = masked[n + i] + more[n + i];
    x[i] = x[i] * f + e * y[i] - both * e * f + triple.product[i];
  }
  co_return x;
}

void refresh(const Server& server, Field field, std::uint8_t level, std::span<Word64> shares) {
  beaver::add_zero<Word64>(server.with_other, server.stream(field, level), server.self, shares);
}

}  // namespace blindsight::protocol::securenn
