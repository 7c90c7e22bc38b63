#pragma once

#include "protocol/core/step.h"
#include "protocol/securenn/parties.h"

namespace blindsight::protocol::securenn {

/// The largest of several shared values, element by element (SecureNN, algorithm 9, without the index that only a
/// derivative needs): a tree of ceil(log2 candidates) levels, each one comparison of all its pairs, with
/// max(a, b) = a + ReLU(b - a), which costs what DReLU and SelectShare cost. Exact while differences lie in
/// [-2^62, 2^62). `level`: the first comparison's number; afterwards the next free one.
Routine<Buffer<Word64>> max_pool(Channel& channel, const Server& server, std::vector<Buffer<Word64>> candidates,
                                 std::uint8_t& level);
Routine<> help_max_pool(Channel& channel, const Helper& helper, std::size_t candidates, std::size_t n,
                        std::uint8_t& level);

/// What one call sends for that many candidates of n elements each.
Cost max_pool_cost(Dealing::Randomness randomness, std::size_t candidates, std::size_t n);

}  // namespace blindsight::protocol::securenn
