#pragma once

#include "protocol/securenn/parties.h"

namespace blindsight::protocol::securenn {

/// The element-wise product of two shared vectors in Z_2^64 by a triple that the producer dealt ahead (algorithm 1).
struct ProductFields {
  Field x_mask, y_mask, product;
};
constexpr ProductFields msb_product{Field::msb_x_mask, Field::msb_y_mask, Field::msb_product};
constexpr ProductFields relu_product{Field::relu_x_mask, Field::relu_y_mask, Field::relu_product};

/// A server's share of one triple of vectors; used for one product.
struct Triple {
  Buffer<Word64> x_mask, y_mask, product;
};

constexpr std::size_t triple_bytes(Dealing::Randomness randomness, PartyId server, std::size_t n) {
  return beaver::random_bytes_sent(randomness, 2 * n * sizeof(Word64)) +
         beaver::dealt_bytes_sent(randomness, server, n * sizeof(Word64));
}
void deal_triple(beaver::Dealer& dealer, const ProductFields& fields, std::uint8_t level, std::size_t n);
Triple take_triple(beaver::ShareSource& source, const ProductFields& fields, std::uint8_t level, std::size_t n);

/// Shares of x·y. One round: each server sends its shares of x and y under the triple's masks, 2n words.
Routine<Buffer<Word64>> multiply(Channel& channel, const Server& server, Triple triple, Buffer<Word64> x,
                                 std::span<const Word64> y);

/// Adds a fresh sharing of zero from the servers' common randomness: shares that hold nothing of how they came about.
void refresh(const Server& server, Field field, std::uint8_t level, std::span<Word64> shares);

}  // namespace blindsight::protocol::securenn
