#pragma once

#include "protocol/securenn/odd_ring.h"
#include "protocol/securenn/private_compare.h"

namespace blindsight::protocol::securenn {

/// ShareConvert (SecureNN, algorithm 4): shares in Z_2^64 of a != 2^64 - 1 to shares in Z_(2^64 - 1) of the same a.
/// Four rounds: the servers send their shares masked by r (one word an element), the producer deals the bits of a + r
/// and whether its shares wrap, the servers send their part of the comparison with r - 1, the producer deals what it
/// found.
///
/// r = 0 breaks the published comparison, since r - 1 wraps; there [x > 2^64 - 1] = 0 is asked with the other flip,
/// which gives the 1 that is wanted and looks the same to the producer (the remedy is the authors' own, in a later
/// white paper).
class ShareConversion {
 public:
  /// Sends the masked shares.
  ShareConversion(Channel& channel, const Server& server, Buffer<Word64> share, std::uint8_t level);
  Routine<Buffer<Word64>> finish(Channel& channel);

 private:
  const Server& server_;
  std::uint8_t level_;
  Buffer<Word64> share_;
  Buffer<Word64> r_;
  Buffer<std::uint8_t> carry_;  ///< bit 0: of this share and its mask; bit 1: of the two masks
};

Routine<> help_share_convert(Channel& channel, const Helper& helper, std::size_t n, std::uint8_t level);

/// Uniform bits, one to a byte, known to both servers.
Buffer<std::uint8_t> common_bits(const Server& server, Field field, std::uint8_t level, std::size_t n);

}  // namespace blindsight::protocol::securenn
