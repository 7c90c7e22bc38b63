#pragma once

#include "protocol/core/step.h"
#include "protocol/securenn/parties.h"

namespace blindsight::protocol::securenn {

/// ReLU (SecureNN, algorithms 6 and 7): fresh shares of max(x, 0), exact for -2^62 <= x < 2^62. Nobody can check that
/// range at run time: the comparison works on 2x. `level` numbers the comparisons of the band; each has its own.
///
/// What each party sees: a server the other's shares of r, gamma, delta, the sign and x, each under a mask that it does
/// not know, and shares that the producer dealt; the producer both shares of x + r with r the servers' own and uniform,
/// and of two blinded, permuted comparisons (private_compare.h) whose outcome is flipped by a bit of theirs.
Routine<Buffer<Word64>> relu(Channel& channel, const Server& server, Buffer<Word64> share, std::uint8_t level);
/// The producer's part: deals ahead what depends on no input, in its first message, then answers two comparisons.
Routine<> help_relu(Channel& channel, const Helper& helper, std::size_t n, std::uint8_t level);

/// What one call sends for n elements: nine rounds; 3840 bits an element when seeded, 5760 when sent.
Cost relu_cost(Dealing::Randomness randomness, std::size_t n);

}  // namespace blindsight::protocol::securenn
