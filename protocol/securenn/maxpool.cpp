#include "protocol/securenn/maxpool.h"

#include "protocol/securenn/relu.h"

namespace blindsight::protocol::securenn {

Routine<Buffer<Word64>> max_pool(Channel& channel, const Server& server, std::vector<Buffer<Word64>> candidates,
                                 std::uint8_t& level) {
  while (candidates.size() > 1) {
    const std::size_t pairs = candidates.size() / 2, n = candidates.front().size();
    Buffer<Word64> differences(pairs * n);
    for (std::size_t p = 0; p < pairs; ++p)
      for (std::size_t i = 0; i < n; ++i) differences[p * n + i] = candidates[2 * p + 1][i] - candidates[2 * p][i];
    const Buffer<Word64> more = co_await relu(channel, server, std::move(differences), level++);
    for (std::size_t p = 0; p < pairs; ++p)
      for (std::size_t i = 0; i < n; ++i) candidates[2 * p][i] += more[p * n + i];
    // The larger of each pair, and the one without a partner.
    for (std::size_t c = 0; 2 * c < candidates.size(); ++c)
      if (c > 0) candidates[c] = std::move(candidates[2 * c]);
    candidates.resize(candidates.size() - pairs);
  }
  co_return std::move(candidates.front());
}

Routine<> help_max_pool(Channel& channel, const Helper& helper, std::size_t candidates, std::size_t n,
                        std::uint8_t& level) {
  for (; candidates > 1; candidates -= candidates / 2) co_await help_relu(channel, helper, candidates / 2 * n, level++);
}

Cost max_pool_cost(Dealing::Randomness randomness, std::size_t candidates, std::size_t n) {
  Cost cost;
  for (; candidates > 1; candidates -= candidates / 2) cost += relu_cost(randomness, candidates / 2 * n);
  return cost;
}

}  // namespace blindsight::protocol::securenn
