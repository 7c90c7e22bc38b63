#pragma once

#include "protocol/securenn/odd_ring.h"
#include "protocol/securenn/private_compare.h"
#include "protocol/securenn/product.h"

namespace blindsight::protocol::securenn {

/// ComputeMSB (SecureNN, algorithm 5): shares in Z_(2^64 - 1) of a to shares in Z_2^64 of a's top bit, which is the
/// lowest bit of 2a = r - x: r[0] ^ x[0] ^ [x > r], where the producer dealt x and its bits ahead and r is opened to
/// the servers. Four rounds: r, the comparison, its result, a product.
struct MsbMaterial {
  Buffer<Word64> mask;  ///< share of x in the odd ring
  BitShares bits;       ///< refers to the message that the material came with
  Buffer<Word64> low;
  Triple triple;
};
constexpr std::size_t msb_material_bytes(Dealing::Randomness randomness, PartyId server, std::size_t n) {
  return beaver::random_bytes_sent(randomness, n * sizeof(Word64)) +
         beaver::dealt_bytes_sent(randomness, server, bits_bytes(n) + n * sizeof(Word64)) +
         triple_bytes(randomness, server, n);
}
void deal_msb(beaver::Dealer& dealer, std::uint8_t level, std::size_t n);
MsbMaterial take_msb(beaver::ShareSource& source, std::uint8_t level, std::size_t n);

/// The result's shares are no fresh ones: they are refreshed by the caller.
Routine<Buffer<Word64>> msb(Channel& channel, const Server& server, MsbMaterial material, Buffer<Word64> share,
                            std::uint8_t level);
Routine<> help_msb(Channel& channel, const Helper& helper, std::size_t n, std::uint8_t level);

}  // namespace blindsight::protocol::securenn
